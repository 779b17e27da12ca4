"""The results of rounds, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from astro.cli.results import page_line
from astro.cli.tables import text
from astro.experiments.rounds import Rounds, RoundsResult
from astro.metrics import Estimate


def rounds_outcome(
    rounds: Rounds, runs: Path, result: RoundsResult | None
) -> Iterator[RenderableType]:
    """pass@1 by round on each set, why the rounds ended, and the paths of the model and files."""
    if result is not None:
        sets = list(result.rounds[0].pass_at_1)
        table = Table(
            title="pass@1 by round in %", title_justify="left", box=SIMPLE_HEAD, show_edge=False
        )
        for column in ("round", *sets):
            table.add_column(text(column), justify="right", no_wrap=True)
        for turn in result.rounds:
            title = str(turn.number) if turn.number else "base"
            table.add_row(title, *(text(_interval(turn.pass_at_1[name])) for name in sets))
        yield table
        if result.stalled:
            yield text(f"Ended there: pass@1 on {rounds.limits.split} had stopped rising.")
        best = next(turn for turn in result.rounds if turn.number == result.best)
        yield text(f"The best on {rounds.limits.split} is {best.model}")
    yield text(f"The rounds' files are in {runs / rounds.name}/")
    yield from page_line(runs / rounds.name)


def _interval(figure: Estimate) -> str:
    value, low, high = (f"{100 * x:.1f}" for x in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"
