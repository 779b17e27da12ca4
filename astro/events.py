"""What a run tells while it goes on. The core emits these; the command line draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage began. `total` counts its `unit`s: trees, steps, samples."""

    stage: str
    total: int
    unit: str
    done: int = 0


@dataclass(frozen=True, slots=True)
class StageProgress:
    """`done` units are finished; `fields` are live figures by name, such as `tokens/s`."""

    stage: str
    done: int
    total: int
    fields: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage ended after `seconds`. `skipped`: its result was there already."""

    stage: str
    seconds: float
    fields: Mapping[str, float] = field(default_factory=dict)
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class ProblemFailed:
    """One problem was given up, the rest goes on."""

    stage: str
    problem_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth one line."""

    text: str


Event = StageStarted | StageProgress | StageFinished | ProblemFailed | Notice
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener that listens to nothing."""
