"""Single values: signs that may be left out, units, infinity."""

from __future__ import annotations

import pytest

from astro_sympy.params import Params
from astro_sympy.parser import parse
from astro_sympy.quantities import Scope, same_quantity
from astro_sympy.work import Undefined, Work


def same(gold: str, answer: str) -> bool:
    return same_quantity(parse(gold), parse(answer), Scope(Params(), Work(0)))


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        (r"-25\%", "-25", True),
        (r"10\% \cdot 50", "5", True),
        (r"10\% \cdot 50", "500", False),  # only a sign at the end may be left out
        (r"90^\circ - 43^\circ", r"47^\circ", True),
        (r"\frac{1}{12} \times 360^\circ", "30", True),
        (r"\sin 30", r"\sin 30^\circ", False),
        (r"\frac{\pi}{6} + k\pi", r"\frac{\pi}{6} + n\pi", True),
        ("k + 1", "n + 1", False),
        (r"-\infty", r"-\infty", True),
        (r"\infty", "5", False),
        (r"5\text{ dollars}", r"500\text{ cents}", True),
        (r"5\text{ m}", "5m", True),
        ("5 m", r"5\text{ cm}", False),
        ("5m", "5n", False),
        ("101_2", "101_2", True),
        ("101_2", "5", False),
    ],
)
def test_conventions(gold: str, answer: str, expected: bool) -> None:
    assert same(gold, answer) is expected
    assert same(answer, gold) is expected


def test_what_has_no_value_equals_nothing() -> None:
    for answer in (r"\frac{1}{0}", r"\frac{2}{0}", "5"):
        with pytest.raises(Undefined):
            same(r"\frac{1}{0}", answer)
