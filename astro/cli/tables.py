"""Tables and text for rich, which shows text from elsewhere literally, never as markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from astro.text import one_line, plain
from astro.types import Status

if TYPE_CHECKING:
    from astro.judging.pairs import Judgement, VerifierJudgements
    from astro.plugins.listing import PluginRow

SHOWN_ROWS = 20
SHOWN_CHARS = 60
STATUS_WIDTH = 10
COLORS = {"ready": "green", "needs": "yellow", "broken": "red"}


def text(content: str, style: str = "") -> Text:
    """`content` as literal text, with a visible stand-in for each control character."""
    return Text(plain(content), style)


def line(content: str, style: str = "") -> Text:
    """`content` as literal text in one line."""
    return Text(one_line(content), style)


def plugin_table(rows: Sequence[PluginRow], width: int) -> Table:
    """One row per plugin. Only the status is wrapped, if `width` has room for all else."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    whole = [[line(x) for x in (r.kind, r.name, r.distribution, r.version)] for r in rows]
    needed = sum(
        max((cell.cell_len for cell in column), default=0) + 1
        for column in zip(*whole, strict=True)
    )
    for title in ("kind", "name", "distribution", "version"):
        table.add_column(title, overflow="fold", no_wrap=needed + STATUS_WIDTH <= width)
    table.add_column("status", overflow="fold")
    for row, cells in zip(rows, whole, strict=True):
        table.add_row(*cells, line(row.state, COLORS[row.status]))
    return table


def fact_table(facts: Mapping[str, object]) -> Table:
    """Names and values, one pair per row."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in facts.items():
        table.add_row(line(name, "bold"), line(str(value)))
    return table


def source_table(measured: VerifierJudgements) -> Table:
    """One row per source of pairs, one for all of them, and the speed below."""
    from astro.judging.pairs import figures

    speed = measured.speed()
    milliseconds = (f"{1000 * speed[name]:,.1f} ms" for name in ("p99_seconds", "max_seconds"))
    caption = "{:,.0f} pairs/s, p99 {}, max {}".format(speed["pairs_per_second"], *milliseconds)
    table = Table(box=SIMPLE_HEAD, title=text(measured.verifier), caption=caption)
    table.add_column("source", overflow="fold")
    for title in ("n", "recall", "false positives", "agreement", "faults"):
        table.add_column(title, justify="right")
    for source, row in measured.by_source().items():
        table.add_row(line(source), *_figure_cells(row))
    table.add_section()
    table.add_row("all", *_figure_cells(figures(measured.judgements)))
    return table


def _figure_cells(figures: Mapping[str, Any]) -> list[str]:
    faults = sum(count for status, count in figures["statuses"].items() if Status(status).fault)
    shares = (figures[name] for name in ("recall", "agreement"))
    recall, agreement = ("-" if share is None else f"{share:.2%}" for share in shares)
    return [str(figures["n"]), recall, str(figures["false_positives"]), agreement, str(faults)]


def dissent_table(title: str, rows: Sequence[tuple[Judgement, str]]) -> Table:
    """The first judgements of two verifiers side by side; long texts are cut to their end."""
    more = len(rows) - SHOWN_ROWS
    caption = f"and {more} more" if more > 0 else None
    table = Table(box=SIMPLE_HEAD, title=text(f"{title}: {len(rows)}"), caption=caption)
    for name in ("id", "gold", "candidate", "verdict", "expected", "reason"):
        table.add_column(name, overflow="fold")
    for judgement, expected in rows[:SHOWN_ROWS]:
        pair, verdict = judgement.pair, judgement.verdict
        cells = (
            "-" if pair.id is None else pair.id,
            pair.gold,
            pair.response,
            verdict.status,
            expected,
            verdict.reason,
        )
        table.add_row(*(text(_end(str(cell))) for cell in cells))
    return table


def _end(content: str) -> str:
    cut = " ".join(content[-SHOWN_CHARS:].split())
    return f"...{cut}" if len(content) > SHOWN_CHARS else cut
