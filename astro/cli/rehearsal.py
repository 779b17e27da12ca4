"""The result of a rehearsal, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from astro.cli.tables import text
from astro.config.run import STAGES
from astro.engine.budget import Budget
from astro.rehearsal.prepare import Seam
from astro.rehearsal.rehearse import RehearsalResult


def report(rehearsed: RehearsalResult, until: str | None) -> Iterator[RenderableType]:
    """What ran in each part of the run, which settings were reduced, and what the result means."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column in ("stage", "seam", "ran", "in place of", "why"):
        table.add_column(column, overflow="fold")
    for seam in _seams(rehearsed, until):
        named = seam.named if seam.why else ""
        table.add_row(*map(text, (seam.stage, seam.key, seam.ran, named, seam.why)))
    yield table
    budgets = {k: v for arm in rehearsed.arms.values() for k, v in arm.budgets.items()}
    changed = (f"{name} {_short(old)} -> {_short(new)}" for name, (old, new) in budgets.items())
    yield text("changed for the rehearsal: " + ", ".join(changed))
    if any(arm.teacher for arm in rehearsed.arms.values()):
        yield text(
            "A random model solves nothing, so it was taught right and wrong responses to these "
            "few problems by heart, and every self-evaluation counts as approval."
        )
    yield text("The stages and seams work here; the scores mean nothing.")
    yield text(f"The rehearsal's files are in {rehearsed.folder}/")


def _seams(rehearsed: RehearsalResult, until: str | None) -> list[Seam]:
    """The stages of all arms, each once, up to the stage `until`."""
    seams = dict.fromkeys(seam for arm in rehearsed.arms.values() for seam in arm.seams)
    last = _position(until) if until else len(STAGES)
    done = [seam for seam in seams if _position(seam.stage) <= last]
    return sorted(done, key=lambda seam: _position(seam.stage))


def _position(stage: str) -> float:
    """The position of a stage in a run; added stages come before `evaluate`."""
    return STAGES.index(stage) if stage in STAGES else STAGES.index("evaluate") - 0.5


def _short(value: Any) -> str:
    if isinstance(value, Budget):
        return ", ".join(f"{k} {v}" for k, v in value if v is not None) or "none"
    return "none" if value is None else str(value)
