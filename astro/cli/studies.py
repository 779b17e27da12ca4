"""The results of a study, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from astro.cli.results import page_line
from astro.cli.tables import text
from astro.experiments.comparison import Correlation, Difference, Matched, StudyResult
from astro.experiments.inference import Searched
from astro.experiments.study import Study
from astro.metrics import Estimate


def study_outcome(study: Study, runs: Path, result: StudyResult | None) -> Iterator[RenderableType]:
    """The models at each seed, their differences, best of n, and the path of the files."""
    if result is not None:
        yield _seeds(f"pass@1 by seed in %, {result.problems} problems", result.seeds)
        if result.legal:
            yield _seeds("all lines legal, by seed in %", result.legal)
            yield _seeds("right and all lines legal, by seed in %", result.right_and_legal)
        yield _differences(result.differences)
        yield _matched(result.matched)
        if result.searched:
            yield _searched(result.searched)
        if result.correlations:
            yield _correlations(result.correlations)
    yield text(f"The study's files are in {runs / study.name}/")
    yield from page_line(runs / study.name)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    for column in columns:
        table.add_column(text(column), justify="right", no_wrap=True)
    return table


def _seeds(title: str, rows: Sequence[Mapping[str, float]]) -> Table:
    names = list(rows[0])
    table = _table(title, *names)
    for row in rows:
        table.add_row(f"{row['seed']:.0f}", *(f"{row[name]:.1f}" for name in names[1:]))
    return table


def _differences(differences: Sequence[Difference]) -> Table:
    table = _table(
        "pass@1, the first above the second, in points", "first", "second", "", "by seed"
    )
    for difference in differences:
        names = (text(difference.first), text(difference.second))
        by_seed = " ".join(f"{estimate.value:+.1f}" for estimate in difference.by_seed)
        table.add_row(*names, text(_interval(difference.pooled)), by_seed)
    return table


def _matched(rows: Sequence[Matched]) -> Table:
    table = _table(
        "best of n at equal tokens",
        *("seed", "model", "n", "tokens", "majority (%)", "oracle (%)"),
    )
    for row in rows:
        scores = (f"{row.tokens:.0f}", f"{row.majority:.1f}", f"{row.oracle:.1f}")
        table.add_row(str(row.seed), text(row.model), str(row.samples), *scores)
    return table


def _searched(rows: Sequence[Searched]) -> Table:
    table = _table("search at inference by the base", "seed", "tokens", "solved (%)")
    for row in rows:
        table.add_row(str(row.seed), f"{row.tokens:.0f}", f"{row.solved:.1f}")
    return table


def _correlations(rows: Sequence[Correlation]) -> Table:
    title = "Pearson's r of accuracy and backtracks over the steps of RL"
    table = _table(title, "seed", "model", "steps", "r")
    for row in rows:
        table.add_row(str(row.seed), text(row.model), str(row.steps), text(_interval(row.r, 2)))
    return table


def _interval(figure: Estimate, digits: int = 1) -> str:
    value, low, high = (f"{x:+.{digits}f}" for x in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"
