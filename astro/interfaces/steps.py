"""How a domain writes steps."""

from __future__ import annotations

from random import Random
from typing import Protocol, runtime_checkable

from astro.types import Problem, State


class StepFormat(Protocol):
    """How a domain writes steps, and how it puts reflection and backtracking into words."""

    stop: tuple[str, ...]

    def is_terminal(self, state: State) -> bool:
        """Whether the state's last step holds an answer. The end of sequence is terminal anyway."""

    def reflection(self, state: State, rng: Random) -> str:
        """What is said where a wrong path is left, at `state`. May be empty."""

    def backtrack(self, state: State, rng: Random) -> str:
        """What announces the return to `state`, a proper ancestor of where the trace stands."""

    def backtracks(self, response: str) -> int:
        """How many explicit backtracks a response holds."""


@runtime_checkable
class SelfReflecting(StepFormat, Protocol):
    """A step format in which a model may doubt its path by itself, in a step of its own."""

    def doubts(self, step: str) -> bool:
        """Whether a step says that the path it ends is wrong. In a trace it is a reflection."""


@runtime_checkable
class HeaderCompleting(StepFormat, Protocol):
    """A step format in which a return may not follow everything that a path can end with."""

    def joint(self, state: State) -> str:
        """What stands between the path of `state` and a return, where no reflection is said."""


@runtime_checkable
class StepChecker(StepFormat, Protocol):
    """A step format that can tell whether every line of a response is legal in its domain."""

    def legal(self, problem: Problem, response: str) -> bool: ...


@runtime_checkable
class PromptTemplating(Protocol):
    """A step format that puts words of its own around a problem."""

    def ask(self, problem: str, *, shots: bool) -> str:
        """The user message. `shots`: with worked examples, which a model that was trained on this
        format does without."""
