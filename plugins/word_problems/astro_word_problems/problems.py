"""Word problems drawn by rule; the splits are disjoint in their texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from random import Random
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from astro.errors import ProblemError
from astro.plugins.params import Params
from astro.types import Problem
from astro_word_problems.stories import Story, draw

Split = Literal["train", "dev", "test"]
_HELD_OUT: dict[int, Split] = {0: "test", 1: "dev"}
_BUCKETS = 5
"""A fifth of all texts belongs to `test`, a fifth to `dev`, and the rest to `train`."""
_MOST_DRAWS = 200
"""Draws for each problem that is asked for. A space that gives fewer new texts is exhausted."""


class ProblemParams(Params):
    """Parameters of `word_problems`: the steps of a problem, and the size of each split."""

    fewest_steps: Annotated[int, Field(ge=1, le=6, description="calculations, at least")] = 1
    most_steps: Annotated[int, Field(ge=1, le=6, description="calculations, at most")] = 3
    train: Annotated[int, Field(ge=0, le=100_000, description="problems to train on")] = 1000
    dev: Annotated[int, Field(ge=0, le=100_000, description="problems to tune on")] = 200
    test: Annotated[int, Field(ge=0, le=100_000, description="held-out problems")] = 300
    seed: Annotated[int, Field(ge=0, description="seed of the draw of problems")] = 0

    @model_validator(mode="after")
    def _range_holds(self) -> ProblemParams:
        if self.fewest_steps > self.most_steps:
            raise ValueError("expected fewest_steps <= most_steps")
        return self


class WordProblems:
    """Word problems about numbers of things, of as many steps as the params say.

    The split of a problem depends on its text only. The number of steps is in the metadata under
    `level`, and a solution in the format `markdown` under `solution`.
    """

    by_rule = True

    def __init__(self, params: ProblemParams) -> None:
        """Draw stories as `params` describe."""
        self._params = params

    def load(self, split: str) -> Sequence[Problem]:
        """Return the problems of `train`, `dev` or `test`.

        Raises:
            ProblemError: There is no such split, or there are not enough different problems.
        """
        if split not in get_args(Split):
            raise ProblemError(f"no split {split!r}", "there are train, dev, test")
        wanted: int = getattr(self._params, split)
        found: dict[str, Problem] = {}
        for steps, story in self._stories(split, wanted * _MOST_DRAWS):
            if len(found) == wanted:
                break
            if split_of(story.text) == split:
                found.setdefault(story.text, _problem(story, steps))
        if len(found) < wanted:
            raise ProblemError(
                f"{wanted} {split} problems requested, but only {len(found)} were found",
                "request fewer, or raise most_steps",
            )
        return list(found.values())

    def _stories(self, split: str, draws: int) -> Iterator[tuple[int, Story]]:
        rng = Random(f"{self._params.seed}/{split}")
        for _ in range(draws + 1):
            steps = rng.randint(self._params.fewest_steps, self._params.most_steps)
            yield steps, draw(rng, steps)


def split_of(text: str) -> Split:
    """Return the split of a problem by the hash of its text."""
    return _HELD_OUT.get(int.from_bytes(_digest(text), "big") % _BUCKETS, "train")


def solution(story: Story) -> str:
    r"""Return the calculations under headers `## Step 1: ...`, with the answer in `\boxed{}`."""
    steps = [
        f"## Step {number}: {step.finds}\n{step.expression} = {step.result}"
        for number, step in enumerate(story.calculations, 1)
    ]
    return "\n\n".join(steps) + f" {story.unit}. The answer is $\\boxed{{{story.answer}}}$."


def _problem(story: Story, steps: int) -> Problem:
    return Problem(
        id=f"word-{_digest(story.text).hex()}",
        prompt=story.text,
        answer=str(story.answer),
        metadata={"level": steps, "solution": solution(story)},
    )


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()
