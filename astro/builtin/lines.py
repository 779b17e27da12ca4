"""Steps as lines or paragraphs of prose, for any domain.

The wording follows the examples of the ASTRO paper (arXiv 2507.00417): a self-reflection at the
end of a wrong path, then an explicit return to an earlier step.
"""

from __future__ import annotations

import re
from random import Random
from typing import Annotated

from pydantic import Field, field_validator

from astro.plugins.params import Params
from astro.types import State

_STEP = "{step}"
_Phrases = Annotated[tuple[str, ...], Field(min_length=1)]


class LinesParams(Params):
    """Where a step ends, which step holds an answer, and the phrases between two walks."""

    stop: Annotated[
        tuple[str, ...], Field(min_length=1, description="a step ends with one of these")
    ] = ("\n",)
    terminal_pattern: Annotated[
        str, Field(description="a step that matches this regular expression holds an answer")
    ] = r"\\boxed|(?i:^\s*(the )?(final )?answer\b)"
    reflections: Annotated[_Phrases, Field(description="said at the end of a wrong path")] = (
        "But wait, are we solving the problem correctly so far? Hmm...",
        "But wait, is this answer right? Let me check it against the problem. Hmm, it is not.",
        "Hold on, something seems off here. Are we still on the right track? Hmm...",
    )
    backtracks: Annotated[
        _Phrases, Field(description="the return to a step, whose text stands for {step}")
    ] = (
        "Let's go back to where we had: {step}",
        "Let's return to the step where we wrote: {step}",
    )
    root_backtracks: Annotated[_Phrases, Field(description="the return to the very start")] = (
        "Let's go back to the beginning and try another way.",
        "Let's start over from the problem itself.",
    )

    @field_validator("terminal_pattern")
    @classmethod
    def _is_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    @field_validator("stop", "reflections", "root_backtracks")
    @classmethod
    def _not_empty(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(texts):
            raise ValueError("expected texts that are not empty")
        return texts

    @field_validator("backtracks")
    @classmethod
    def _recognisable(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_head(phrase) for phrase in phrases):
            raise ValueError("expected words before {step}, by which a backtrack is recognised")
        return phrases


class LinesFormat:
    """A backtrack is recognised in a response by the words of its phrase that precede {step}, or by
    the whole phrase, its last full stop or colon left out."""

    def __init__(self, params: LinesParams) -> None:
        self.stop = params.stop
        self._params = params
        self._terminal = re.compile(params.terminal_pattern)
        heads = {_head(phrase) for phrase in (*params.backtracks, *params.root_backtracks)}
        self._backtrack = re.compile("|".join(map(re.escape, sorted(heads, key=len)[::-1])))

    def is_terminal(self, state: State) -> bool:
        return bool(state.steps) and self._terminal.search(state.steps[-1].text) is not None

    def reflection(self, state: State, rng: Random) -> str:
        return self.joint(state) + self._ended(rng.choice(self._params.reflections))

    def joint(self, state: State) -> str:
        """The end of a step that was broken off."""
        broken_off = bool(state.response) and not state.response.endswith(self.stop)
        return self.stop[0] if broken_off else ""

    def backtrack(self, state: State, rng: Random) -> str:
        if not state.steps:
            return self._ended(rng.choice(self._params.root_backtracks))
        step = " ".join(state.steps[-1].text.split())
        return self._ended(rng.choice(self._params.backtracks).replace(_STEP, step))

    def backtracks(self, response: str) -> int:
        return len(self._backtrack.findall(response))

    def _ended(self, phrase: str) -> str:
        return phrase if phrase.endswith(self.stop) else phrase + self.stop[0]


def _head(phrase: str) -> str:
    return phrase.partition(_STEP)[0].strip().rstrip(".:")
