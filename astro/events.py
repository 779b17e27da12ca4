"""Progress events, which the core emits and listeners such as the command line receive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from astro.types import SearchTree


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage began, with `total` units of work, of which `done` are finished already.

    `unit` names what is counted, such as trees, steps or samples.
    """

    stage: str
    total: int
    unit: str
    done: int = 0


@dataclass(frozen=True, slots=True)
class StageProgress:
    """`done` of `total` units are finished; `fields` holds current metrics, such as `tokens/s`."""

    stage: str
    done: int
    total: int
    fields: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage ended after `seconds`, or was `skipped` because its output files existed."""

    stage: str
    seconds: float
    fields: Mapping[str, float] = field(default_factory=dict)
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class ExperimentFinished:
    """A study or rounds ended, and `folder` holds the results of all runs in `results.json`."""

    folder: Path


@dataclass(frozen=True, slots=True)
class ProblemFailed:
    """One problem failed; the others continue."""

    stage: str
    problem_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class TreeGrown:
    """The tree of one `problem` under search, by its id, has grown, at most five times a second.

    `tree` returns it as it is now, which is computed only when it is called. It raises `AstroError`
    if there is no tree yet, and may only be called while the event is handled.
    """

    stage: str
    problem: str
    tree: Callable[[], SearchTree]


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of one line for the user."""

    text: str


Event = (
    StageStarted
    | StageProgress
    | StageFinished
    | ExperimentFinished
    | ProblemFailed
    | TreeGrown
    | Notice
)
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that discards every event."""
