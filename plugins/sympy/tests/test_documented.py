"""docs/verifier.md: each row of its table of conventions holds as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from astro.types import Verdict

TABLE = Path(__file__).parents[3] / "docs" / "verifier.md"
Pair = tuple[str, str]


def pairs(column: int) -> list[Pair]:
    """Each first entry of a group in that column, and each that stands beside it."""
    return list(_pairs(column))


def _pairs(column: int) -> Iterator[Pair]:
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = line.split(" | ")
        if len(cells) == 4:
            for group in cells[column].split("; "):
                first, *others = re.findall("`([^`]+)`", group) or [""]
                yield from ((first, other) for other in others)


@pytest.mark.parametrize(("gold", "answer"), pairs(1))
def test_the_same(judge: Callable[..., Verdict], gold: str, answer: str) -> None:
    assert judge(gold, f"\\boxed{{{answer}}}").correct


@pytest.mark.parametrize(("gold", "answer"), pairs(2))
def test_not_the_same(judge: Callable[..., Verdict], gold: str, answer: str) -> None:
    assert not judge(gold, f"\\boxed{{{answer}}}").correct


def test_the_table_is_read() -> None:
    assert len(pairs(1)) > 30
    assert len(pairs(2)) > 15
