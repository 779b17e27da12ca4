"""Tasks that the engine runs, and their outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from astro.requests import Program

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Task(Generic[R]):
    """A program under a key that is unique in its journal. `start` makes a new one each time."""

    key: str
    start: Callable[[], Program[R]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A task's result or the reason of its failure, and the number of tokens generated for it."""

    key: str
    result: Any = None
    failure: str = ""
    tokens: int = 0
