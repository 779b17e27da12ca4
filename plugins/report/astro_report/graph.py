"""Draws a response in a terminal as a graph of its steps, reflections and backtracks."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from astro.config.loading import load_config
from astro.errors import RunError
from astro.files import write_whole
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.text import head_and_tail, plain
from astro_report.documents import PartEntry
from astro_report.outline import console, counted, elided, outline
from astro_report.responses import parts

_STYLES = {"reflection": "yellow", "backtrack": "magenta"}
_SVG_COLUMNS = 100
_SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: \
{line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
<rect width="{width}" height="{height}" fill="#1e1e1e" />
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own template would load its font from another host."""


@click.command()
@click.argument("response", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--step-format", help="The step format of the response; `lines` by default.")
@click.option("--config", help="A config whose step format, with its params, the response has.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Also write an image.")
@click.option("--all", "all_rows", is_flag=True, help="Leave nothing out.")
def graph(
    response: Path,
    *,
    step_format: str | None,
    config: str | None,
    svg: Path | None,
    all_rows: bool,
) -> None:
    """Show the steps, reflections and backtracks of the response in the file RESPONSE.

    After a backtrack, the next step is drawn below the step to which the response returns.
    """
    if step_format and config:
        raise click.UsageError("--step-format and --config exclude one another")
    registry = Registry.discover()
    bound = load_config(config).step_format if config else Binding(name=step_format or "lines")
    found = parts(_text(response), registry.build("step_format", bound))
    to = console()
    for row in elided(graph_rows(found, to, all_rows=all_rows), all_rows=all_rows):
        to.print(row, soft_wrap=True)
    if svg:
        write_whole(svg, [as_svg(found).encode()])


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: no UTF-8 text at byte {error.start}") from None
    except OSError as error:
        raise RunError(f"{path}: cannot read: {error.strerror}") from None


def graph_rows(
    found: Sequence[PartEntry], to: Console, *, all_rows: bool = False, title: str = ""
) -> Iterator[Text]:
    """The lines of a response's graph, below a line that counts its parts.

    The parts are numbered from 1. Long ones are shown without their middle unless `all_rows`.
    """
    backtracks = sum(part.kind == "backtrack" for part in found)
    reflections = sum(part.kind == "reflection" for part in found)
    counts = ", ".join(
        counted(number, noun)
        for number, noun in (
            (len(found), "part"),
            (reflections, "reflection"),
            (backtracks, "backtrack"),
        )
    )

    def label(number: int) -> Text:
        if not number:
            return Text.assemble((plain(title), "bold"), counts)
        part = found[number - 1]
        text = part.text if all_rows else head_and_tail(part.text, "the file; --all shows it")
        style = _STYLES.get(part.kind, "")
        return Text.assemble(
            (f"{number} ", "dim"), (_kind(part), f"bold {style}"), (plain(text).strip("\n"), style)
        )

    yield from outline(_parents(found), label, to, whole=True)


def _kind(part: PartEntry) -> str:
    """What a part is, in words; nothing for a step."""
    if part.kind != "backtrack":
        return "" if part.kind == "step" else f"{part.kind}: "
    if part.target is None:
        return "back to a step that was not found: "
    return "back to the beginning: " if part.target < 0 else f"back to {part.target + 1}: "


def _parents(found: Sequence[PartEntry]) -> list[int]:
    """The parents of the graph's entries, of which the first stands for the beginning."""
    parents, here = [-1], 0
    for number, part in enumerate(found, 1):
        parents.append(here)
        if part.kind == "backtrack" and part.target is not None:
            here = part.target + 1
        elif part.kind != "backtrack":
            here = number
    return parents


def as_svg(found: Sequence[PartEntry]) -> str:
    """A response's graph as an image, which loads nothing from elsewhere."""
    to = Console(record=True, file=StringIO(), width=_SVG_COLUMNS, force_terminal=True)
    for row in graph_rows(found, to, all_rows=True):
        to.print(row, soft_wrap=True, highlight=False)
    drawn = to.export_svg(code_format=_SVG, title=html.escape("response"))
    return drawn.translate({0xFFFE: "\ufffd", 0xFFFF: "\ufffd"})
