"""Protocols for sources of problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from astro.types import Problem


class ProblemSource(Protocol):
    """A source of problems, in the splits `train`, `dev` and `test`."""

    def load(self, split: str) -> Sequence[Problem]:
        """The problems of a split, with unique ids. Equal params give equal problems.

        Raises:
            ProblemError: The problems cannot be read.
        """


@runtime_checkable
class AnswersOptional(Protocol):
    """A problem source that refuses problems without a reference answer unless told otherwise."""

    def without_answers(self) -> ProblemSource:
        """A source that gives these problems too, with an empty answer. Nothing verifies them."""


@runtime_checkable
class ProblemReader(Protocol):
    """A problem source that can read a problem typed by a user."""

    def read(self, text: str) -> Problem:
        """The problem that `text` states.

        Raises:
            ProblemError: The text cannot be read; the message says which form is expected.
        """


@runtime_checkable
class ProblemSolver(Protocol):
    """A problem source that knows a correct response to each of its problems."""

    def solution(self, problem: Problem) -> str:
        """A response that a verifier of the domain accepts."""


@runtime_checkable
class Generated(Protocol):
    """A problem source that generates its problems by rule.

    Generated problems share their wording, so only equal texts count as contamination.
    """

    by_rule: bool
