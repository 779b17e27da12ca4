"""Protocols for step formats: how a domain writes steps."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol, runtime_checkable

from astro.types import Part, Problem, State


class StepFormat(Protocol):
    """How a domain writes steps, reflections and backtracks.

    `stop` holds the strings that end a step when it is sampled.
    """

    stop: tuple[str, ...]

    def is_terminal(self, state: State) -> bool:
        """Whether the last step of `state` holds an answer.

        A state whose last step ended with the end-of-sequence token is terminal in any case.
        """

    def reflection(self, state: State, rng: Random) -> str:
        """The text that states doubt where a wrong path is left at `state`. It may be empty."""

    def backtrack(self, state: State, rng: Random) -> str:
        """The text that announces the return to `state`, a proper ancestor of the current state."""

    def backtracks(self, response: str) -> int:
        """Number of explicit backtracks in a response."""


@runtime_checkable
class SelfReflecting(StepFormat, Protocol):
    """A step format that recognizes steps in which the model itself doubts its path."""

    def doubts(self, step: str) -> bool:
        """Whether `step` says that the path it ends is wrong.

        Such a step becomes a reflection in a trace.
        """


@runtime_checkable
class HeaderCompleting(StepFormat, Protocol):
    """A step format in which a backtrack cannot directly follow every path."""

    def joint(self, state: State) -> str:
        """The text between the path of `state` and a backtrack if there is no reflection."""


@runtime_checkable
class Parsing(StepFormat, Protocol):
    """A step format that finds the steps, reflections and backtracks in a model's own response."""

    def parts(self, response: str) -> list[Part]:
        """The parts of any text, in order. Their texts together are the text.

        As many of them are backtracks as `backtracks` counts. `astro.data.parts` helps with it.
        """


@runtime_checkable
class Headed(StepFormat, Protocol):
    """A step format that writes headers between steps, which say nothing of their own."""

    def framed(self, texts: Sequence[str]) -> list[tuple[str, str, str]]:
        """Split texts that follow one another into a header, the words, and a header that begins.

        The parts of a text, joined, are the text. White space around the words is in the headers.
        """


@runtime_checkable
class StepChecker(StepFormat, Protocol):
    """A step format that can check whether every line of a response is legal."""

    def legal(self, problem: Problem, response: str) -> bool:
        """Whether every line of `response`, abandoned paths included, follows the rules."""


@runtime_checkable
class PromptTemplating(Protocol):
    """A step format that writes the user message around a problem."""

    def ask(self, problem: str, *, shots: bool) -> str:
        """The user message for `problem`.

        `shots` says whether to include worked examples. They are shown to models that were not
        trained on this format.
        """


@runtime_checkable
class Exemplifying(PromptTemplating, Protocol):
    """A step format whose worked examples are messages of their own where prompts are chats."""

    def examples(self) -> tuple[str, ...]:
        """The examples as messages of user and assistant in turn."""

    def beginnings(self) -> tuple[str, ...]:
        """How a model that reads the examples as text would begin another one after its response.

        A response is complete before any of these.
        """
