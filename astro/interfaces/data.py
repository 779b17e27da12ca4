"""Sources of problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from astro.types import Problem


class ProblemSource(Protocol):
    """Where problems come from."""

    def load(self, split: str) -> Sequence[Problem]:
        """The problems of `train`, `dev` or `test`: same params, same problems. Ids are unique."""


@runtime_checkable
class ProblemReader(Protocol):
    """A problem source that can read a problem that a user typed."""

    def read(self, text: str) -> Problem:
        """Raises `ProblemError` with the form that it expects."""


@runtime_checkable
class ProblemSolver(Protocol):
    """A problem source that knows a right response to each of its problems."""

    def solution(self, problem: Problem) -> str: ...


@runtime_checkable
class Generated(Protocol):
    """A source that writes its problems by rule: many in the same words, no two splits the same.
    So the words that two of them share say nothing of contamination."""

    by_rule: bool
