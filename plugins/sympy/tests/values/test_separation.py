"""The bound below which a value is zero."""

from __future__ import annotations

import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_sympy.reading.parser import parse
from astro_sympy.values.balls import ball
from astro_sympy.values.separation import zero_bits
from astro_sympy.values.work import TooHard, Work


def bits(text: str) -> int:
    return zero_bits(parse(text), {}, Work(0))


def test_by_hand() -> None:
    # sqrt(2) - 1: u(sqrt 2) = 2^1, as 2 has two bits; u = 2 + 1 <= 2^2, l = 2, D = 2.
    assert bits(r"\sqrt{2} - 1") <= 2 * 2 + 2


@settings(deadline=None)
@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**12))
def test_no_sum_of_two_roots_is_nearer_to_an_integer_than_the_bound(a: int, b: int, c: int) -> None:
    text = rf"\sqrt{{{a}}} + \sqrt{{{b}}} - {c}"
    with ctx.workprec(600):
        size = abs(ball(parse(text), {}, Work(0)))
        assert size.contains(0) or size > arb(2) ** -bits(text)


def test_the_nearest_miss_is_above_the_bound() -> None:
    # sqrt(n^2 + 1) - n = 1 / (2n) and less: the bound must allow for it.
    text = rf"\sqrt{{{10**200} + 1}} - {10**100}"
    with ctx.workprec(2000):
        assert abs(ball(parse(text), {}, Work(0))) > arb(2) ** -bits(text)


@pytest.mark.parametrize("text", [r"2^{99999999999} + \sqrt{2}", r"e^{10^{30}}"])
def test_astronomic_numbers_are_refused(text: str) -> None:
    with pytest.raises(TooHard):
        bits(text)
