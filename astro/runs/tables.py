"""Tables of results, which the terminal and the report draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from astro.metrics import Estimate

ABSENT = "-"
"""What a table shows where a run has no value."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. The first cell of a row is its head, the others are figures.

    Attributes:
        title: The heading above it.
        columns: The heads of all columns.
        rows: The cells of each row.
        note: A sentence below it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def share(figure: Estimate | None) -> str:
    """A share in percent with its 95 % interval."""
    if figure is None:
        return ABSENT
    return f"{100 * figure.value:.1f} [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def amount(figure: Estimate | None) -> str:
    """A mean with its 95 % interval."""
    if figure is None:
        return ABSENT
    return f"{figure.value:,.2f} [{figure.low:,.2f}, {figure.high:,.2f}]"


def points(figure: Estimate, digits: int = 1) -> str:
    """A difference or a correlation with its sign and its 95 % interval."""
    value, low, high = (f"{x:+.{digits}f}" for x in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"
