"""Units: what they measure and how large they are."""

from __future__ import annotations

from fractions import Fraction

import pytest

from astro_sympy.values.units import Unit, is_unit, part_of, read_unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("cm", Unit("length", Fraction(1, 100))),
        ("inches", Unit("length", Fraction(127, 5000))),
        ("square feet", Unit("length^2", Fraction(381, 1250) ** 2)),
        ("cm^3", Unit("length^3", Fraction(1, 10**6))),
        ("km/h", Unit("length/time", Fraction(1000, 3600))),
        ("miles per hour", Unit("length/time", Fraction(201168, 125 * 3600))),
        ("mph", Unit("length/time", Fraction(201168, 125 * 3600))),
        ("cm^1", Unit("length", Fraction(1, 100))),
        ("cm^4", Unit("length^4", Fraction(1, 10**8))),
        ("months", Unit("year", Fraction(1, 12))),
        ("dollars", Unit("money", Fraction(1))),
        ("apples", None),
        ("m/s/s", None),
    ],
)
def test_a_unit_is_a_kind_and_a_size(text: str, unit: Unit | None) -> None:
    assert read_unit(text) == unit


def test_a_smaller_unit_is_a_part_of_a_larger_one_of_its_kind() -> None:
    assert part_of("minutes", "hour") == Fraction(1, 60)
    assert part_of("hour", "minutes") is None
    assert part_of("cm", "hour") is None


def test_words_that_are_units() -> None:
    assert is_unit("kg") and is_unit("seconds") and not is_unit("ab")
