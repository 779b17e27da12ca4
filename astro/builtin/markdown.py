r"""Steps under headers, `## Step 1: ...`, and the answer in `\boxed{}`: how instruct models write.

A step ends where the header of the next one begins: its text is cut after `## Step`, before the
number. So the header of a step begins in the step before it, and a reflection or backtrack that is
inserted there has to complete that header first, or to begin a new one.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from astro.builtin.phrases import (
    REFLECTIONS,
    ROOT_BACKTRACKS,
    Reflections,
    RootBacktracks,
    Texts,
    words,
    words_before,
)
from astro.data.parts import ROOT, any_of, joined, linked, pieces
from astro.data.templates import SolutionTemplate, filled
from astro.errors import ProblemError
from astro.plugins.params import Params
from astro.types import Part, State

HEADER = "## Step"
_NUMBER = "{number}"
_NUMBERED = re.compile(r"## Step (\d{1,6})\b")
_REST_OF_HEADER = re.compile(r"(?:[ \t]*\d{1,6}\b[ \t]*:?)?\s*")
_WHOLE_HEADER = re.compile(rf"\s*(?:{HEADER}(?:[ \t]*\d{{1,6}}\b[ \t]*:?)?\s*)?")
_BEGINS = re.compile(r"^## Step\b", re.MULTILINE)
_BARE = re.compile(r"\s*## Step( \d{1,6})?:?\s*")
_HEAD_CHARS = 24
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")


class Shot(Params):
    """A worked example: a problem, and a response to it in this format."""

    problem: Annotated[str, Field(min_length=1)]
    solution: Annotated[str, Field(min_length=1)]


class MarkdownParams(Params):
    """The user message, the worked examples in it, and the phrases between two paths."""

    instruction: Annotated[
        str, Field(description="the user message; {problem} stands for the problem")
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
        Field(description="how an example is written, with {problem} and {solution}"),
    ] = "Problem: {problem}\n\nSolution:\n\n{solution}\n\n---\n\n"
    reflections: Reflections = REFLECTIONS
    backtracks: Annotated[
        Texts,
        words_before(_NUMBER),
        Field(description="the return to a step; {number} stands for its number"),
    ] = (
        "Let's go back to where we were after Step {number}.",
        "Let's return to the end of Step {number} and go on from there.",
    )
    root_backtracks: RootBacktracks = ROOT_BACKTRACKS

    @field_validator("instruction")
    @classmethod
    def _holds_the_problem(cls, instruction: str) -> str:
        if instruction.count("{problem}") != 1:
            raise ValueError("expected {problem} in it, once")
        return instruction


class MarkdownFormat:
    """Each step has a header, and a backtrack gives the number of the step that it returns to.

    A backtrack is recognized in a response by its phrase, with any number.

    Raises:
        ProblemError: the file of worked examples cannot be read.
    """

    stop: tuple[str, ...] = (f"\n{HEADER}",)

    def __init__(self, params: MarkdownParams) -> None:
        self._params = params
        shots = params.few_shots
        self._few_shots = _read(shots) if isinstance(shots, Path) else shots
        self._shots = "".join(
            filled(params.shot, {"problem": shot.problem, "solution": shot.solution})
            for shot in self._few_shots
        )
        self._backtrack = any_of(map(_pattern, (*params.backtracks, *params.root_backtracks)))
        self._root = any_of(map(_pattern, params.root_backtracks))
        self._reflection = any_of(re.escape(words(said) or said) for said in params.reflections)

    def ask(self, problem: str, *, shots: bool) -> str:
        """The user message: the worked examples, if `shots`, then the instruction."""
        asked = filled(self._params.instruction, {"problem": problem})
        return (self._shots if shots else "") + asked

    def examples(self) -> tuple[str, ...]:
        """The worked examples as messages: each is asked as a problem is, and then solved."""
        return tuple(
            text
            for shot in self._few_shots
            for text in (self.ask(shot.problem, shots=False), shot.solution)
        )

    def beginnings(self) -> tuple[str, ...]:
        """What stands between two examples, with the first words of an example or instruction."""
        before, _, after = self._params.shot.partition("{solution}")
        if not self._few_shots or "{problem}" not in before:
            return ()
        heads = (before, self._params.instruction)
        words = [after + head.partition("{problem}")[0][:_HEAD_CHARS] for head in heads]
        return tuple(dict.fromkeys(text.rstrip() for text in words if text.strip()))

    def is_terminal(self, state: State) -> bool:
        """Whether the last step holds the answer, and no header of a further step follows it."""
        last = state.steps[-1].text if state.steps else ""
        return r"\boxed{" in last and not _in_header(state)

    def reflection(self, state: State, rng: Random) -> str:
        """One of the reflections, as a step of its own if its header has begun."""
        phrase = rng.choice(self._params.reflections)
        return f"{self.joint(state)} {phrase}" if _in_header(state) else f"\n\n{phrase}"

    def joint(self, state: State) -> str:
        """The rest of a header that has begun."""
        return f" {_last_number(state) + 1}:" if _in_header(state) else ""

    def backtrack(self, state: State, rng: Random) -> str:
        """One of the phrases, with the number of the last step of `state`.

        If the header of a further step had begun there, it begins anew behind the phrase.
        """
        if not state.steps:
            return f"\n\n{rng.choice(self._params.root_backtracks)}\n\n"
        phrase = rng.choice(self._params.backtracks).replace(_NUMBER, str(_last_number(state)))
        return f"\n\n{phrase}\n\n" + (HEADER if _in_header(state) else "")

    def backtracks(self, response: str) -> int:
        """The number of backtracks in a response."""
        return len(self._backtrack.findall(response))

    def framed(self, texts: Sequence[str]) -> list[tuple[str, str, str]]:
        """The header before each text, its words, and the header that begins after it."""
        framed, begun = [], False
        for text in texts:
            found = (_REST_OF_HEADER if begun else _WHOLE_HEADER).match(text)
            head = found[0] if found else ""
            begun = text.endswith(HEADER)
            said = text[len(head) :].removesuffix(HEADER).rstrip()
            framed.append((head, said, text[len(head) + len(said) :]))
        return framed

    def parts(self, response: str) -> list[Part]:
        """The parts of a response; a reflection or backtrack goes on to the end of its paragraph.

        A step begins with its header. If that of a reflection or backtrack has begun, the header
        belongs to it.
        """
        reflections = [match.span() for match in self._reflection.finditer(response)]
        backtracks = [match.span() for match in self._backtrack.finditer(response)]
        paragraphs = [match.end() for match in _PARAGRAPH.finditer(response)]
        marks = (bisect_left(paragraphs, end) for _, end in (*reflections, *backtracks))
        ends = [paragraphs[place] for place in marks if place < len(paragraphs)]
        ends += [match.start() for match in _BEGINS.finditer(response)]
        found = pieces(response, ends, reflections=reflections, backtracks=backtracks)
        bare = joined(found, lambda text: _BARE.fullmatch(text) is not None)
        return linked(bare, _number, self._wanted)

    def _wanted(self, backtrack: str) -> str | int | None:
        """The number of the step to which a backtrack returns."""
        said = self._backtrack.search(backtrack)
        if said is None or self._root.fullmatch(said[0]):
            return said and ROOT
        number = re.search(r"\d{1,6}", said[0])
        return number and str(int(number[0]))


def _in_header(state: State) -> bool:
    """Whether the response ends where the header of a further step has begun."""
    return state.response.endswith(HEADER)


def _last_number(state: State) -> int:
    """The number in the last header, or the count of steps if no header has a number."""
    numbers = _NUMBERED.findall(state.response)
    return int(numbers[-1]) if numbers else len(state.steps)


def _number(step: str) -> str | None:
    """The number in the header of a step."""
    found = _NUMBERED.search(step)
    return found and str(int(found[1]))


def _pattern(phrase: str) -> str:
    return r"\d{1,6}".join(map(re.escape, phrase.split(_NUMBER)))


def _read(path: Path) -> tuple[Shot, ...]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()]
        return TypeAdapter(tuple[Shot, ...]).validate_python(rows)
    except OSError as error:
        raise ProblemError(f"few_shots: {path}: cannot read: {error.strerror}") from None
    except (ValidationError, ValueError, RecursionError):
        raise ProblemError(
            f"few_shots: {path}: expected a JSON object a line with problem and solution, as text"
        ) from None
