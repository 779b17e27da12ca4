"""Parsing a response into parts: steps, reflections, and backtracks with the step each returns to.

Step formats implement `Parsing` with these functions.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from astro.types import Part, SegmentKind

ROOT = -1
"""The target of a backtrack to the beginning."""
Span = tuple[int, int]
Piece = tuple[SegmentKind, str]


def pieces(
    response: str,
    ends: Iterable[int],
    *,
    reflections: Iterable[Span] = (),
    backtracks: Sequence[Span] = (),
) -> Iterator[Piece]:
    """Cut a response where steps end, and where the words of reflections and backtracks begin.

    Each of `backtracks` begins a piece of its own, and so does each of `reflections` that begins
    in none of them. Nothing is cut inside of their words. The texts of the pieces are the response.
    """
    doubts = [span for span in reflections if not _inside(span[0], backtracks)]
    begins = {start: SegmentKind.REFLECTION for start, _ in doubts}
    begins |= {start: SegmentKind.BACKTRACK for start, _ in backtracks}
    cuts = {end for end in ends if not (_inside(end, backtracks) or _inside(end, doubts))}
    bounds = sorted({0, *cuts, *begins, len(response)})
    for start, end in pairwise(bounds):
        yield begins.get(start, SegmentKind.STEP), response[start:end]


def by_stop(response: str, stop: Sequence[str]) -> list[int]:
    """The places right after each of the strings that end a step."""
    ends = any_of(map(re.escape, stop)).finditer(response) if stop else ()
    return [match.end() for match in ends]


def joined(found: Iterable[Piece], bare: Callable[[str], bool] = lambda _: False) -> list[Piece]:
    """Join each blank step with the piece before it, and each `bare` one with the piece after it.

    A bare step has nothing but what introduces a step, such as a header.
    """
    kept: list[tuple[SegmentKind, list[str]]] = []
    carried: list[str] = []
    for kind, text in found:
        is_step = kind is SegmentKind.STEP
        blank = is_step and not text.strip()
        if blank and kept and not carried:
            kept[-1][1].append(text)
        elif blank or (is_step and bare(text)):
            carried.append(text)
        else:
            kept.append((kind, [*carried, text]))
            carried = []
    if carried:
        kept.append((SegmentKind.STEP, carried))
    return [(kind, "".join(texts)) for kind, texts in kept]


def linked(
    found: Sequence[Piece],
    key: Callable[[str], str | None],
    wanted: Callable[[str], str | int | None],
) -> list[Part]:
    """Find the step to which each backtrack returns: the last of that key, on the path if possible.

    The path is what remains of the steps so far after each return.

    Args:
        found: The pieces of a response.
        key: Returns what a backtrack would say of a step of this text; None if nothing.
        wanted: Returns what a backtrack of this text says, `ROOT`, or None.
    """
    parts: list[Part] = []
    path: list[tuple[int, str | None]] = []
    on_path: dict[str, list[int]] = {}
    last: dict[str, int] = {}
    for number, (kind, text) in enumerate(found):
        target: int | None = None
        if kind is SegmentKind.STEP:
            named = key(text)
            path.append((number, named))
            if named is not None:
                on_path.setdefault(named, []).append(number)
                last[named] = number
        elif kind is SegmentKind.BACKTRACK:
            said = wanted(text)
            if isinstance(said, str):
                target = on_path[said][-1] if on_path.get(said) else last.get(said)
            else:
                target = said
            _cut_back(path, on_path, target)
        parts.append(Part(kind, text, target))
    return parts


def _cut_back(
    path: list[tuple[int, str | None]], on_path: dict[str, list[int]], target: int | None
) -> None:
    """Remove the steps after the target from the path."""
    if target is None:
        return
    while path and path[-1][0] > target:
        _, named = path.pop()
        if named is not None:
            on_path[named].pop()


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """A regular expression that matches any of `patterns`, the longest that fits; at least one."""
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)))


def _inside(place: int, spans: Sequence[Span]) -> bool:
    """Whether a place is within one of some spans, which are in order, and not at its ends."""
    before = bisect_left(spans, (place,)) - 1
    return before >= 0 and place < spans[before][1]
