"""Single values: signs that may be left out, units, infinity."""

from __future__ import annotations

import pytest

from astro_sympy.comparing.quantities import Scope, same_quantity
from astro_sympy.params import SympyParams
from astro_sympy.reading.parser import parse
from astro_sympy.values.work import Undefined, Work


def same(gold: str, answer: str) -> bool:
    return same_quantity(parse(gold), parse(answer), Scope(SympyParams(), Work(0)))


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
        (r"12\pi\text{ m}", r"1200\pi\text{ cm}", True),
        (r"12\pi\text{ m}", r"12\pi\text{ cm}", False),
        (r"4+\sqrt{2}\text{ m}", r"400 + 100\sqrt{2}\text{ cm}", True),
        (r"15\text{ cm}^2", r"15\text{ cm}^1", False),
        (r"15\text{ cm}^2", r"15\text{ cm}^4", False),
        (r"60\text{ mph}", r"60\text{ km/h}", False),
        (r"90^\circ", r"90\text{ radians}", False),
        (r"22^\circ 30^\prime", r"22.5^\circ", True),
        (r"2\text{ million}", "2", False),
        (r"\$2 \text{ million}", r"\$2{,}000{,}000", True),
        (r"\euro 5", "5", True),
        (r"\euro 5", r"\$5", False),
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
