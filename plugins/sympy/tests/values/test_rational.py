"""Exact values: the operations, where they are undefined, and their bounds."""

from __future__ import annotations

import time

import pytest
from flint import fmpq

from astro_sympy.reading.parser import parse
from astro_sympy.values.rational import Irrational, rational
from astro_sympy.values.work import TooHard, Undefined, Work


def value(text: str, **point: int) -> fmpq:
    return rational(parse(text), {name: fmpq(at) for name, at in point.items()}, Work(0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\frac{3}{4} - 0.25", fmpq(1, 2)),
        ("(-8)^{1/3}", fmpq(-2)),
        ("4^{-3/2}", fmpq(1, 8)),
        ("(-1)^{2^{99}}", fmpq(1)),
        ("0^5", fmpq(0)),
        ("7!", fmpq(5040)),
        (r"\binom{5}{7}", fmpq(0)),
        (r"\lfloor -\frac{1}{2} \rfloor", fmpq(-1)),
        (r"\lcm(4, 6)", fmpq(12)),
        (r"\max(1, 3, 2)", fmpq(3)),
        (r"\prod_{k=1}^{5} k", fmpq(120)),
        (r"\sum_{k=3}^{2} k", fmpq(0)),
        ("11_2", fmpq(3)),
    ],
)
def test_operations(text: str, expected: fmpq) -> None:
    assert value(text.replace(r"\lcm", "lcm")) == expected


def test_variables_take_the_values_of_the_point_but_an_index_is_bound() -> None:
    assert value("x^2 + y", x=3, y=1) == 10
    assert value(r"k + \sum_{k=1}^{3} k", k=10) == 16


@pytest.mark.parametrize("text", ["1/0", r"\frac{0}{0}", "0^0", "0^{-1}", "(-3)!", "1/(2-2)"])
def test_no_value(text: str) -> None:
    with pytest.raises(Undefined):
        value(text)


@pytest.mark.parametrize(
    "text", [r"\sqrt{2}", r"\pi", "x", "2^{1/2}", "(-4)^{1/2}", "(1/2)!", r"\sin 0"]
)
def test_irrational_steps_are_left_to_others(text: str) -> None:
    with pytest.raises(Irrational):
        value(text)


@pytest.mark.parametrize(
    "text",
    [
        "9^{9^{9^9}}",
        "2^{99999999999}",
        "100000000!",
        r"\binom{99999999}{5000}",
        r"\sum_{k=1}^{10^{12}} k",
        r"\sum_{k=1}^{1000} \sum_{j=1}^{1000} \sum_{i=1}^{1000} 1",
        r"\prod_{k=1}^{1000} k^k",
    ],
)
def test_what_is_too_large_is_refused_at_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(TooHard):
        value(text)
    assert time.process_time() - began < 1.0
