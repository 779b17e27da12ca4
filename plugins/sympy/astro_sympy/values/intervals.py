"""Unions of intervals of the real line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from flint import fmpq

from astro_sympy.values.nodes import Apply, Node, Number, Symbol
from astro_sympy.values.work import TooHard

MAX_INTERVALS = 60
INFINITY = Symbol("oo")
MINUS_INFINITY = Apply("neg", (INFINITY,))


@dataclass(frozen=True, slots=True)
class End:
    """An end of an interval; `key` is its value as a float, NaN if it depends on variables."""

    node: Node
    closed: bool
    key: float


@dataclass(frozen=True, slots=True)
class Interval:
    """The real numbers between two ends."""

    low: End
    high: End


Region = tuple[Interval, ...]
"""Disjoint intervals, in increasing order if all ends are known."""


def everything() -> Region:
    """Return the real line."""
    return (Interval(End(MINUS_INFINITY, False, -math.inf), End(INFINITY, False, math.inf)),)


def union(intervals: Sequence[Interval]) -> Region | None:
    """Return the union of intervals; None if the ends of one are in the wrong order.

    The intervals are returned unchanged if an end is unknown.

    Raises:
        TooHard: There are more than `MAX_INTERVALS`.
    """
    if len(intervals) > MAX_INTERVALS:
        raise TooHard("too many intervals")
    if any(math.isnan(end.key) for interval in intervals for end in (interval.low, interval.high)):
        return tuple(intervals)
    if any(interval.low.key > interval.high.key for interval in intervals):
        return None
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda interval: _start(interval.low)):
        if merged and _touch(merged[-1].high, interval.low):
            high = max(merged[-1].high, interval.high, key=_stop)
            merged[-1] = replace(merged[-1], high=high)
        else:
            merged.append(interval)
    return tuple(merged)


def combined(operation: str, left: Region | None, right: Region | None) -> Region | None:
    """Return the union (`cup`), intersection (`cap`) or difference (`setminus`) of two sets.

    Returns None if one of them is None.
    """
    if left is None or right is None:
        return None
    if operation == "cup":
        return union(left + right)
    return _intersection(left, right if operation == "cap" else complement(right))


def complement(region: Region) -> Region:
    """Return the complement in the real line."""
    (line,) = everything()
    ends = [line.low]
    for interval in region:
        ends += [_opposite(interval.low), _opposite(interval.high)]
    ends.append(line.high)
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return tuple(Interval(low, high) for low, high in pairs if _is_nonempty(low, high))


def mirrored(region: Region | None) -> Region | None:
    """Return the set of x with |x| in `region`."""
    zero = End(Number(fmpq(0)), True, 0.0)
    (line,) = everything()
    right = region and _intersection(region, (Interval(zero, line.high),))
    if not right:
        return right
    left = [Interval(_negative(part.high), _negative(part.low)) for part in right]
    return union([*left, *right])


def _start(end: End) -> tuple[float, bool]:
    return end.key, not end.closed


def _stop(end: End) -> tuple[float, bool]:
    return end.key, end.closed


def _touch(high: End, low: End) -> bool:
    return low.key < high.key or (low.key == high.key and (low.closed or high.closed))


def _intersection(left: Region, right: Region) -> Region | None:
    if len(left) * len(right) > MAX_INTERVALS:
        raise TooHard("too many intervals")
    parts = []
    for ours, theirs in product(left, right):
        low = max(ours.low, theirs.low, key=_start)
        high = min(ours.high, theirs.high, key=_stop)
        if _is_nonempty(low, high):
            parts.append(Interval(low, high))
    return union(parts)


def _is_nonempty(low: End, high: End) -> bool:
    return low.key < high.key or (low.key == high.key and low.closed and high.closed)


def _opposite(end: End) -> End:
    return replace(end, closed=not end.closed and not math.isinf(end.key))


def _negative(end: End) -> End:
    match end.node:
        case Apply("neg", (node,)):
            return End(node, end.closed, -end.key)
    return End(Apply("neg", (end.node,)), end.closed, -end.key)
