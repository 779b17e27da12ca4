"""The result of a rehearsal: what ran, what it stood in for, and what was changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table

from astro.cli.tables import text
from astro.config.run import STAGES
from astro.engine.budget import Budget
from astro.rehearsal.prepare import Seam
from astro.rehearsal.rehearse import RehearsalResult


def report(rehearsed: RehearsalResult, until: str | None) -> Iterator[RenderableType]:
    """What ran in each part of the run, which settings were changed, and what the result means.

    Names of models are long, so what was replaced is told in lines that end between words, and not
    in further columns.
    """
    seams = _seams(rehearsed, until)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column in ("stage", "part", "ran"):
        table.add_column(column, overflow="fold")
    for seam in seams:
        table.add_row(*map(text, (seam.stage, seam.key, seam.ran)))
    yield table
    if replaced := [seam for seam in seams if seam.why]:
        yield text("\nstood in for what this machine lacks")
        for seam in replaced:
            yield _item(f"{seam.key}: {seam.ran}, in place of {seam.named} ({seam.why})")
    if changes := {k: v for arm in rehearsed.arms.values() for k, v in arm.budgets.items()}:
        yield text("\nchanged for the rehearsal")
        for part, keys in groupby(changes, lambda key: key.rpartition(".")[0]):
            values = (f"{key.rpartition('.')[2]} {_change(*changes[key])}" for key in keys)
            yield _item(f"{part}{part and ': '}{', '.join(values)}")
    yield text("")
    if any(arm.teacher for arm in rehearsed.arms.values()):
        yield text(
            "A random model solves nothing, so it was taught right and wrong responses to these "
            "few problems by heart, and every self-evaluation counts as approval. It can put no "
            "trace into other words, so `rewritten 0` is what is to be expected of it."
        )
    yield text("All stages and parts work here; the scores mean nothing.")
    yield text(f"The rehearsal's files are in {rehearsed.folder}/")


def _item(content: str) -> RenderableType:
    return Padding(text(content), (0, 0, 0, 2))


def _seams(rehearsed: RehearsalResult, until: str | None) -> list[Seam]:
    """The stages of all arms, each once, up to the stage `until`."""
    seams = dict.fromkeys(seam for arm in rehearsed.arms.values() for seam in arm.seams)
    last = _position(until) if until else len(STAGES)
    done = [seam for seam in seams if _position(seam.stage) <= last]
    return sorted(done, key=lambda seam: _position(seam.stage))


def _position(stage: str) -> float:
    """The position of a stage in a run; added stages come before `evaluate`."""
    return STAGES.index(stage) if stage in STAGES else STAGES.index("evaluate") - 0.5


def _change(old: Any, new: Any) -> str:
    return f"{_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    if isinstance(value, Budget):
        return ", ".join(f"{k} {v}" for k, v in value if v is not None) or "none"
    return "none" if value is None else str(value) or '""'
