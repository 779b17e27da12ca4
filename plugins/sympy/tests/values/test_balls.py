"""Values as balls."""

from __future__ import annotations

import pytest
from flint import acb, arb, ctx

from astro_sympy.reading.parser import parse
from astro_sympy.values.balls import ball, is_real
from astro_sympy.values.work import TooHard, Undefined, Work


def value(text: str) -> acb:
    with ctx.workprec(128):
        return ball(parse(text), {}, Work(0))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        (r"\pi", "3.14159265358979323846264338328"),
        (r"\sqrt{2}", "1.41421356237309504880168872421"),
        (r"\sin 30^\circ", "0.5"),
        (r"\cos 60", "-0.952412980415156292693816595993"),  # radians
        (r"\log 1000", "3"),
        (r"\ln 2", "0.693147180559945309417232121458"),
        (r"\log_2 3", "1.58496250072115618145373894395"),
        (r"\sqrt[3]{-2}", "-1.25992104989487316476721060728"),
        (r"\arctan 1", "0.785398163397448309615660845820"),
        (r"\lfloor 10 \pi \rfloor", "31"),
        (r"\sum_{k=1}^{2} \sqrt{k}", "2.41421356237309504880168872421"),
        ("(1/2)!", "0.886226925452758013649083741671"),
        ("i^2", "-1"),
        (r"e^{i\pi}", "-1"),
        (r"|3 + 4i|", "5"),
    ],
)
def test_functions(text: str, digits: str) -> None:
    with ctx.workprec(128):
        assert abs(value(text) - arb(digits)).abs_upper() < arb("1e-28")


def test_real_or_not() -> None:
    assert is_real(value(r"\sqrt[3]{-2}")) and not is_real(value(r"\sqrt{-2}"))


@pytest.mark.parametrize("text", [r"\ln 0", r"\tan 90^\circ - \frac{1}{0}", "9^{9^{9^{9^{9^9}}}}"])
def test_no_finite_value(text: str) -> None:
    with pytest.raises(Undefined):
        value(text)


@pytest.mark.parametrize("text", ["x", r"\infty", r"\mathbb{R}"])
def test_no_number(text: str) -> None:
    with pytest.raises(TooHard):
        value(text)
