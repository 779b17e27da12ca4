"""Numerals: their value, and how many digits they show."""

from __future__ import annotations

import pytest
from flint import fmpq

from astro_sympy.reading.lexer import Unreadable
from astro_sympy.reading.literals import base_numeral, number
from astro_sympy.values.nodes import Apply, Number


@pytest.mark.parametrize(
    ("text", "numeral"),
    [
        ("12", Number(fmpq(12), None, 2)),
        ("007", Number(fmpq(7), None, 1)),
        ("3.10", Number(fmpq(31, 10), 2, 3)),
        (".5", Number(fmpq(1, 2), 1, 1)),
        ("5.", Number(fmpq(5), None, 1)),
        ("1.50e-3", Number(fmpq(15, 10_000), 5, 3)),
        ("1.50e1", Number(fmpq(15), 1, 3)),
        ("2e3", Number(fmpq(2000), None, 1)),
        (r"0.\overline{3}", Number(fmpq(1, 3))),
        (r"1.2\overline{45}", Number(fmpq(137, 110))),
    ],
)
def test_value_and_digits(text: str, numeral: Number) -> None:
    assert number(text) == numeral


def marked(value: int, digits: int, base: int) -> Apply:
    return Apply("base", (Number(fmpq(value), None, digits), Number(fmpq(base))))


def test_bases() -> None:
    assert base_numeral("204", number("5")) == marked(2 * 25 + 4, 3, 5)
    assert base_numeral("A5", number("11")) == marked(10 * 11 + 5, 2, 11)
    assert base_numeral("13", number("10")) == number("13")
    for digits, base in (("19", "5"), ("1", "1"), ("1", "99"), ("1", "2.5")):
        with pytest.raises(Unreadable):
            base_numeral(digits, number(base))


@pytest.mark.parametrize("text", ["1e1000000000", "1e401", "1e-401"])
def test_exponents_are_bounded(text: str) -> None:
    with pytest.raises(Unreadable):
        number(text)
