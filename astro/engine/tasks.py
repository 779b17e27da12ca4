"""What the engine drives, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from astro.requests import Program

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Task(Generic[R]):
    """A program under a key that is unique in its journal. `start` makes it afresh."""

    key: str
    start: Callable[[], Program[R]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A task's result, or why it failed, and the tokens that were generated for it."""

    key: str
    result: Any = None
    failure: str = ""
    tokens: int = 0
