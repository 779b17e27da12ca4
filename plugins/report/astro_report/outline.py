"""Draws a tree as an outline for a terminal, line by line, whatever its depth and width."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from rich.console import Console
from rich.text import Text

ROWS = 90
"""The most lines of an outline that are shown unless all are asked for."""
_PIPE_WIDTH = 100
_GUIDES = ("├╴", "└╴", "│ ")
_ASCII_GUIDES = ("|-", "`-", "| ")


def console() -> Console:
    """A console for stdout, with 100 columns where stdout is no terminal and COLUMNS is not set.

    COLUMNS=0 does not set it, since nothing would be shown.
    """
    found = Console(highlight=False)
    if found.width > 0 and (found.is_terminal or "COLUMNS" in os.environ):
        return found
    return Console(highlight=False, width=_PIPE_WIDTH)


def counted(number: int, noun: str) -> str:
    """A number of things, such as `1 part` or `2 parts`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def outline(
    parents: Sequence[int], label: Callable[[int], Text], to: Console, *, whole: bool = False
) -> Iterator[Text]:
    """Yield the lines of a tree: each entry after its parent, the children of one aligned.

    An only child is below its parent without being moved to the right. Where a third of the width
    is used up, nothing is moved any more, and each entry names its parent.

    Args:
        parents: The index of each entry's parent, which precedes it; -1 for the first entry.
        label: Returns what is shown of the entry of an index.
        to: The console, which has a width and an encoding.
        whole: Whether long labels take several lines; otherwise they are cut with an ellipsis.
    """
    branch, corner, line = _ASCII_GUIDES if to.options.ascii_only else _GUIDES
    children: list[list[int]] = [[] for _ in parents]
    for number, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(number)
    stack = [(0, "", "", False)] if parents else []
    while stack:
        number, first, rest, named = stack.pop()
        shown = label(number)
        if named:
            shown = Text.assemble((f"(under {parents[number]}) ", "dim"), shown)
        yield from _lines(shown, first, rest, to, whole=whole)
        below = children[number]
        if len(below) == 1:
            stack.append((below[0], rest, rest, False))
        elif len(rest) + len(branch) > to.width // 3:
            stack += [(child, rest, rest, True) for child in reversed(below)]
        elif below:
            stack.append((below[-1], rest + corner, rest + "  ", False))
            stack += [(child, rest + branch, rest + line, False) for child in below[-2::-1]]


def _lines(shown: Text, first: str, rest: str, to: Console, *, whole: bool) -> Iterator[Text]:
    width = max(to.width - len(first), 1)
    if not whole:
        # An ellipsis would be written as an escape where the encoding has none.
        shown.truncate(width, overflow="crop" if to.options.ascii_only else "ellipsis")
        yield Text.assemble((first, "dim"), shown)
        return
    for number, line in enumerate(shown.wrap(to, width, overflow="fold")):
        line.rstrip()
        yield Text.assemble((rest if number else first, "dim"), line)


def elided(rows: Iterable[Text], *, all_rows: bool, limit: int = ROWS) -> Iterator[Text]:
    """Yield the first and the last rows, and how many are left out between them."""
    rows = iter(rows)
    if all_rows:
        yield from rows
        return
    yield from islice(rows, limit * 2 // 3)
    last: deque[Text] = deque(maxlen=limit // 3)
    count = 0
    for row in rows:
        last.append(row)
        count += 1
    if count > len(last):
        yield Text(f"… {count - len(last):,} lines more, which --all shows …", "italic")
    yield from last
