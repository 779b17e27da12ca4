"""Random expressions that differ on an interval are not the same, and equal ones mostly are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from astro.types import Status
from astro_sympy.comparing.compare import compare
from astro_sympy.params import SympyParams

MADE: dict[str, Any] = run_path(str(Path(__file__).parents[3] / "bench" / "expressions.py"))
Pairs = Callable[[int, int], Iterator[tuple[str, str]]]


def accepted(pairs: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if compare(*pair, SympyParams()).status is Status.CORRECT]


@pytest.mark.parametrize("seed", range(5))
def test_none_that_differ_are_accepted(seed: int) -> None:
    different: Pairs = MADE["different_pairs"]
    assert accepted(different(100, seed)) == []


def test_most_that_are_equal_are_accepted() -> None:
    equal: Pairs = MADE["equal_pairs"]
    assert len(accepted(equal(20, 0))) >= 16
