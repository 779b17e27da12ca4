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
    any_of,
    words_before,
)
from astro.plugins.params import Params, RegularExpression
from astro.types import State

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
        phrases = (*params.backtracks, *params.root_backtracks)
        self._backtrack = any_of(re.escape(_words_before_step(phrase)) for phrase in phrases)

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

    def _ended(self, phrase: str) -> str:
        return phrase if phrase.endswith(self.stop) else phrase + self.stop[0]


def _words_before_step(phrase: str) -> str:
    return phrase.partition(_STEP)[0].strip().rstrip(".:")
