"""Steps as lines or paragraphs of prose, for any domain."""

from __future__ import annotations

import re
from random import Random
from typing import Annotated

from pydantic import Field

from astro.builtin.phrases import (
    REFLECTIONS,
    ROOT_BACKTRACKS,
    Reflections,
    RootBacktracks,
    Texts,
    words,
    words_before,
)
from astro.data.parts import ROOT, any_of, by_stop, joined, linked, pieces
from astro.plugins.params import Params, RegularExpression
from astro.types import Part, State

_STEP = "{step}"


class LinesParams(Params):
    """Where a step ends, which step holds an answer, and the phrases between two paths."""

    stop: Annotated[Texts, Field(description="a step ends with one of these")] = ("\n",)
    terminal_pattern: Annotated[
        RegularExpression,
        Field(description="a step that matches this regular expression holds an answer"),
    ] = r"\\boxed|(?i:^\s*(the )?(final )?answer\b)"
    reflections: Reflections = REFLECTIONS
    backtracks: Annotated[
        Texts,
        words_before(_STEP),
        Field(description="the return to a step; {step} stands for its text"),
    ] = (
        "Let's go back to where we had: {step}",
        "Let's return to the step where we wrote: {step}",
    )
    root_backtracks: RootBacktracks = ROOT_BACKTRACKS


class LinesFormat:
    """Each step ends with a stop string, and a backtrack quotes the step that it returns to.

    A backtrack is recognized in a response by the words of its phrase before {step}, or by the
    whole phrase, in either case without a full stop or colon at the end.
    """

    def __init__(self, params: LinesParams) -> None:
        self.stop = params.stop
        self._params = params
        self._terminal = re.compile(params.terminal_pattern)
        self._ends = {_words_before_step(said): _after_step(said) for said in params.backtracks}
        self._root = {_words_before_step(said) for said in params.root_backtracks}
        self._backtrack = any_of(map(re.escape, {*self._ends, *self._root}))
        self._reflection = any_of(re.escape(words(said) or said) for said in params.reflections)

    def is_terminal(self, state: State) -> bool:
        """Whether the last step matches the terminal pattern."""
        return bool(state.steps) and self._terminal.search(state.steps[-1].text) is not None

    def reflection(self, state: State, rng: Random) -> str:
        """One of the reflections, on a line of its own."""
        return self.joint(state) + self._ended(rng.choice(self._params.reflections))

    def joint(self, state: State) -> str:
        """The end of the last step, if it was cut before one."""
        cut = bool(state.response) and not state.response.endswith(self.stop)
        return self.stop[0] if cut else ""

    def backtrack(self, state: State, rng: Random) -> str:
        """One of the phrases, with the text of the last step of `state`."""
        if not state.steps:
            return self._ended(rng.choice(self._params.root_backtracks))
        step = " ".join(state.steps[-1].text.split())
        return self._ended(rng.choice(self._params.backtracks).replace(_STEP, step))

    def backtracks(self, response: str) -> int:
        """The number of backtracks in a response."""
        return len(self._backtrack.findall(response))

    def parts(self, response: str) -> list[Part]:
        """The parts of a response; a reflection or backtrack goes on to the end of its step."""
        found = pieces(
            response,
            by_stop(response, self.stop),
            reflections=[match.span() for match in self._reflection.finditer(response)],
            backtracks=[match.span() for match in self._backtrack.finditer(response)],
        )
        return linked(joined(found), _quoted, self._wanted)

    def _wanted(self, backtrack: str) -> str | int | None:
        """The step that a backtrack quotes, as `_quoted` gives it."""
        said = self._backtrack.search(backtrack)
        if said is None or (said[0] in self._root and said[0] not in self._ends):
            return said and ROOT
        quote = backtrack[said.end() :].strip().lstrip(".:").strip()
        return _quoted(quote.removesuffix(self._ends[said[0]])) or None

    def _ended(self, phrase: str) -> str:
        return phrase if phrase.endswith(self.stop) else phrase + self.stop[0]


def _words_before_step(phrase: str) -> str:
    return words(phrase.partition(_STEP)[0])


def _after_step(phrase: str) -> str:
    return phrase.partition(_STEP)[2].strip()


def _quoted(step: str) -> str:
    """A step as a backtrack quotes it: in one line, without blanks and punctuation at its ends."""
    return " ".join(step.split()).strip(" .:;,")
