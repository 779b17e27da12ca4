"""Tables and text. What others wrote is shown as it stands: never as markup or escape codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from astro.text import plain

if TYPE_CHECKING:
    from astro.cli.plugins import Row

PIPE_WIDTH = 100
COLOURS = {"ready": "green", "needs": "yellow", "broken": "red"}


def print_all(*parts: RenderableType) -> None:
    """Print on stdout."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    for part in parts:
        console.print(part)


def text(content: str, style: str = "") -> Text:
    """`content` as it stands, without control characters."""
    return Text(plain(content), style)


def plugin_table(rows: Iterable[Row]) -> Table:
    """One row a plugin."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("kind", "name", "distribution", "version", "status"):
        table.add_column(title, overflow="fold")
    for row in rows:
        cells = (row.kind, row.name, row.distribution, row.version)
        table.add_row(*map(text, cells), text(row.state, COLOURS[row.status]))
    return table


def fact_table(facts: Mapping[str, object]) -> Table:
    """Names and values, one a row."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in facts.items():
        table.add_row(text(name, "bold"), text(str(value)))
    return table
