"""Countdown problems, drawn from all solvable ones; the splits are disjoint."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import comb
from typing import Annotated, Literal, cast, get_args

from pydantic import Field, model_validator

from astro.errors import ProblemError
from astro.plugins.params import Params
from astro.types import Problem
from astro_countdown.game import (
    CAP,
    Difficulty,
    Numbers,
    Split,
    all_problems,
    prompt,
    solution,
    walks,
)
from astro_countdown.replay import IllegalLine, read_prompt

HARD = 0.05
"""A problem is hard if a random legal walk hits the target with a probability below this."""

MAX_LISTS = 25_000
"""Largest number of lists of numbers to enumerate; there are 22,100 lists of three from 1 to 50."""


class ProblemParams(Params):
    """Parameters of problems `countdown`: the space of problems, and the size of each split."""

    numbers: Annotated[int, Field(ge=2, le=5, description="how many numbers a problem has")] = 3
    low: Annotated[int, Field(ge=1, le=CAP, description="smallest number")] = 1
    high: Annotated[int, Field(ge=1, le=CAP, description="largest number")] = 15
    min_target: Annotated[int, Field(ge=1, le=CAP, description="smallest target")] = 10
    max_target: Annotated[int, Field(ge=1, le=CAP, description="largest target")] = CAP
    difficulty: Annotated[
        Literal["any", "easy", "hard"],
        Field(
            description=f"hard: a random walk hits the target with probability below {HARD}; "
            "easy: the others"
        ),
    ] = "any"
    train: Annotated[int, Field(ge=0, description="number of problems to search and train on")] = (
        400
    )
    dev: Annotated[int, Field(ge=0, description="number of problems to tune on")] = 100
    test: Annotated[int, Field(ge=0, description="number of held-out problems")] = 300
    seed: Annotated[int, Field(ge=0, description="seed of the draw of problems")] = 0

    @model_validator(mode="after")
    def _ranges_hold(self) -> ProblemParams:
        if self.low > self.high or self.min_target > self.max_target:
            raise ValueError("expected low <= high and min_target <= max_target")
        if comb(self.high - self.low + self.numbers, self.numbers) > MAX_LISTS:
            raise ValueError(f"more than {MAX_LISTS} lists of numbers; lower numbers or high")
        return self


class CountdownProblems:
    """Problems of the countdown game, determined by the params.

    The split of a problem depends on its numbers and target only.
    """

    by_rule = True

    def __init__(self, params: ProblemParams) -> None:
        """Draw from the space of problems that `params` describe."""
        self._params = params

    def load(self, split: str) -> Sequence[Problem]:
        """Return the problems of `train`, `dev` or `test`.

        Raises:
            ProblemError: There is no such split, or there are not enough problems.
        """
        if split not in get_args(Split):
            raise ProblemError(f"no split {split!r}", "there are train, dev, test")
        wanted: int = getattr(self._params, split)
        found = self._all(cast(Split, split))
        if wanted > len(found):
            raise ProblemError(
                f"{wanted} {split} problems requested, but there are only {len(found)}",
                "request fewer, or raise high or max_target",
            )
        random.Random(self._params.seed).shuffle(found)
        return [_problem(*drawn) for drawn in found[:wanted]]

    def read(self, text: str) -> Problem:
        """Return the problem of a text such as `use 3 5 8 to make 16`.

        Raises:
            ProblemError: The text has another form.
        """
        try:
            game = read_prompt(text)
        except IllegalLine as error:
            raise ProblemError(f"not a countdown problem: {text!r:.80}", str(error)) from None
        return _problem(tuple(map(int, game.numbers)), int(game.target))

    def solution(self, problem: Problem) -> str:
        """Return the lines of a correct response."""
        return solution(tuple(problem.metadata["numbers"]), problem.metadata["target"])

    def _all(self, split: Split) -> list[tuple[Numbers, int]]:
        own = self._params
        space = Difficulty(own.numbers, own.low, own.high, own.min_target, own.max_target)
        return [
            (numbers, target)
            for numbers, target in all_problems(space, split)
            if own.difficulty in ("any", difficulty_of(numbers, target))
        ]


def difficulty_of(numbers: Numbers, target: int) -> Literal["easy", "hard"]:
    """Classify a problem by the probability that a uniformly random walk hits the target."""
    return "hard" if walks(numbers)[target] < HARD else "easy"


def _problem(numbers: Numbers, target: int) -> Problem:
    return Problem(
        id="-".join(map(str, ("countdown", *numbers, target))),
        prompt=prompt(numbers, target),
        answer=str(target),
        metadata={"numbers": list(numbers), "target": target, "cap": CAP},
    )
