"""The results of studies, rounds and comparisons of searches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from astro.cli.results import page_line
from astro.cli.tables import text
from astro.experiments.accuracy import SearchComparison
from astro.experiments.comparison import StudyResult
from astro.experiments.rounds import RoundsResult
from astro.experiments.tables import comparison_tables, round_tables, study_tables
from astro.runs import tables

_TABLES: dict[type, Any] = {
    StudyResult: study_tables,
    RoundsResult: round_tables,
    SearchComparison: comparison_tables,
}


def experiment_outcome(folder: Path, result: Any) -> Iterator[RenderableType]:
    """The tables of the results, if there are any, and the paths of the model and the files."""
    if result is not None:
        for found in _TABLES[type(result)](result):
            yield _drawn(found)
            yield text(f"{found.note}\n")
    if isinstance(result, RoundsResult):
        best = next(turn for turn in result.rounds if turn.number == result.best)
        yield text(f"The best is {best.model}")
    yield text(f"All files are in {folder}/")
    yield from page_line(folder)


def _drawn(found: tables.Table) -> Table:
    table = Table(
        title=text(found.title),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for number, column in enumerate(found.columns):
        table.add_column(text(column), justify="right" if number else "left", no_wrap=True)
    for row in found.rows:
        table.add_row(*map(text, row))
    return table
