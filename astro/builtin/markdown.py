r"""Steps under headers, `## Step 1: ...`, and the answer in `\boxed{}`: how instruct models write.

A step ends where the next one's header begins, so its text is cut after `## Step`, which the number
of the next step follows. The header before a step thus belongs to the step before it; the words of
reflection and of a return take up, or bring, the header that is due. The phrases are after the
examples of the ASTRO paper (arXiv 2507.00417), as those of `lines`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from astro.data.templates import SolutionTemplate, filled
from astro.errors import ProblemError
from astro.plugins.params import Params
from astro.types import State

HEADER = "## Step"
_NUMBER = "{number}"
_NUMBERED = re.compile(r"## Step (\d{1,6})\b")
_Phrases = Annotated[tuple[str, ...], Field(min_length=1)]


class Shot(Params):
    """A problem, and a response to it as the policy is to write it."""

    problem: Annotated[str, Field(min_length=1)]
    solution: Annotated[str, Field(min_length=1)]


class MarkdownParams(Params):
    """What the policy is told and shown, and the phrases between two walks."""

    instruction: Annotated[
        str, Field(description="the user message, with {problem} where it is to stand")
    ] = (
        "Solve the following math problem efficiently and clearly. Write each step under a header "
        "of the form `## Step n: [what it does]`, and end the last step with the final answer, "
        "once, in \\boxed{}.\n\nProblem: {problem}"
    )
    few_shots: Annotated[
        tuple[Shot, ...] | Path,
        Field(description="worked examples, or a JSON Lines file of them, with these two keys"),
    ] = ()
    shot: Annotated[
        SolutionTemplate,
        Field(description="how one of them is shown, with {problem} and {solution}"),
    ] = "Problem: {problem}\n\nSolution:\n\n{solution}\n\n---\n\n"
    reflections: Annotated[_Phrases, Field(description="said at the end of a wrong path")] = (
        "But wait, are we solving the problem correctly so far? Hmm...",
        "But wait, is this answer right? Let me check it against the problem. Hmm, it is not.",
        "Hold on, something seems off here. Are we still on the right track? Hmm...",
    )
    backtracks: Annotated[
        _Phrases, Field(description="the return to a step, whose number stands for {number}")
    ] = (
        "Let's go back to where we were after Step {number}.",
        "Let's return to the end of Step {number} and go on from there.",
    )
    root_backtracks: Annotated[_Phrases, Field(description="the return to the very start")] = (
        "Let's go back to the beginning and try another way.",
        "Let's start over from the problem itself.",
    )

    @field_validator("instruction")
    @classmethod
    def _holds_the_problem(cls, instruction: str) -> str:
        if instruction.count("{problem}") != 1:
            raise ValueError("expected {problem} in it, once")
        return instruction

    @field_validator("reflections", "root_backtracks")
    @classmethod
    def _not_empty(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        if not all(phrases):
            raise ValueError("expected phrases that are not empty")
        return phrases

    @field_validator("backtracks")
    @classmethod
    def _recognisable(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        if not all(phrase.partition(_NUMBER)[0].strip() for phrase in phrases):
            raise ValueError("expected words before {number}, by which a backtrack is recognised")
        return phrases


class MarkdownFormat:
    """A backtrack is recognised by its phrase, with any number of a step in it.

    Raises `ProblemError` where the file of worked examples cannot be read.
    """

    stop = (f"\n{HEADER}",)

    def __init__(self, params: MarkdownParams) -> None:
        self._params = params
        shots = params.few_shots
        self._shots = "".join(
            filled(params.shot, {"problem": shot.problem, "solution": shot.solution})
            for shot in (_read(shots) if isinstance(shots, Path) else shots)
        )
        phrases = sorted((*params.backtracks, *params.root_backtracks), key=len)[::-1]
        self._backtrack = re.compile("|".join(map(_pattern, phrases)))

    def ask(self, problem: str, *, shots: bool) -> str:
        """The worked examples, if `shots`, then the problem in the words of the instruction."""
        asked = filled(self._params.instruction, {"problem": problem})
        return (self._shots if shots else "") + asked

    def is_terminal(self, state: State) -> bool:
        """Whether the last step holds the answer, and no further header follows it."""
        return bool(state.steps) and r"\boxed{" in state.steps[-1].text and not _due(state)

    def reflection(self, state: State, rng: Random) -> str:
        phrase = rng.choice(self._params.reflections)
        return f"{self.joint(state)} {phrase}" if _due(state) else f"\n\n{phrase}"

    def joint(self, state: State) -> str:
        """The rest of a header that has begun."""
        return f" {_last_number(state) + 1}:" if _due(state) else ""

    def backtrack(self, state: State, rng: Random) -> str:
        if not state.steps:
            return f"\n\n{rng.choice(self._params.root_backtracks)}\n\n"
        phrase = rng.choice(self._params.backtracks).replace(_NUMBER, str(_last_number(state)))
        return f"\n\n{phrase}\n\n" + (HEADER if _due(state) else "")

    def backtracks(self, response: str) -> int:
        return len(self._backtrack.findall(response))


def _due(state: State) -> bool:
    """Whether the header of a further step has begun."""
    return state.response.endswith(HEADER)


def _last_number(state: State) -> int:
    """The number in the last header; of the steps, where none has one."""
    numbers = _NUMBERED.findall(state.response)
    return int(numbers[-1]) if numbers else len(state.steps)


def _pattern(phrase: str) -> str:
    return r"\d{1,6}".join(map(re.escape, phrase.split(_NUMBER)))


def _read(path: Path) -> tuple[Shot, ...]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()]
        return TypeAdapter(tuple[Shot, ...]).validate_python(rows)
    except OSError as error:
        raise ProblemError(f"few_shots: {path}: cannot read: {error.strerror}") from None
    except (ValidationError, ValueError, RecursionError):
        raise ProblemError(
            f"few_shots: {path}: expected a JSON object a line with problem and solution, as text"
        ) from None
