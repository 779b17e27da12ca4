"""Every convention that can be switched: how it is by default, and how it is then."""

from __future__ import annotations

from typing import Any

import pytest

from astro.types import Status
from astro_sympy.comparing.compare import compare
from astro_sympy.params import SympyParams

SWITCHED = [
    (r"50\%", "50", {"optional": ("unit", "degrees", "name")}),
    (r"5\text{ cm}", "5", {"optional": ("percent", "degrees", "name")}),
    (r"\$18.90", "18.9", {"optional": ()}),
    (r"90^\circ", "90", {"optional": ("percent", "unit", "name")}),
    ("x=5", "5", {"optional": ("percent", "unit", "degrees")}),
    ("x=5", "y=5", {"optional": ()}),
    ("f(x)=x+1", "x+1", {"optional": ()}),
    (r"5\text{ m}", r"500\text{ cm}", {"convert_units": False}),
    ("1, 2", "2, 1", {"ordered_lists": True}),
    ("4:30 p.m.", "16:30", {"words": False}),
    ("3.14", r"\pi", {"rounded_digits": 4}),
    ("1/3", "0.3333333333333", {"float_digits": 14}),
]
STILL_THE_SAME = [
    (r"50\%", "0.5", {"optional": ()}),
    (r"5\text{ cm}", r"5\text{cm}", {"optional": (), "convert_units": False}),
    (r"90^\circ", r"\frac{\pi}{2}", {"optional": ()}),
    ("x=5", "x = 5", {"optional": ()}),
    ("1, 2", "1, 2", {"ordered_lists": True}),
    (r"\{1, 2\}", r"\{2, 1\}", {"ordered_lists": True}),
]


@pytest.mark.parametrize(("gold", "answer", "params"), SWITCHED)
def test_a_convention_can_be_switched(gold: str, answer: str, params: dict[str, Any]) -> None:
    assert compare(gold, answer, SympyParams()).status is Status.CORRECT
    assert compare(gold, answer, SympyParams(**params)).status is not Status.CORRECT


@pytest.mark.parametrize(("gold", "answer", "params"), STILL_THE_SAME)
def test_what_is_the_same_anyway_stays_so(gold: str, answer: str, params: dict[str, Any]) -> None:
    assert compare(gold, answer, SympyParams(**params)).status is Status.CORRECT
