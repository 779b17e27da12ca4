"""Decimals that were rounded."""

from __future__ import annotations

import pytest

from astro_sympy.comparing.rounding import rounds_to
from astro_sympy.reading.parser import parse
from astro_sympy.values.work import Work


@pytest.mark.parametrize(
    ("exact", "rounded", "expected"),
    [
        (r"\frac{1587}{52}", "30.52", True),  # 30.5192...
        (r"\frac{1587}{52}", "30.51", False),
        ("30.525", "30.52", True),  # on the edge
        ("30.5251", "30.52", False),
        (r"\pi", "3.14", True),
        (r"\sqrt{2} - 1", "41.4\\%", True),
        (r"-\pi", "-3.14", True),
        (r"\frac{1}{3}", "0.3", False),  # one digit says too little
        (r"\frac{1}{300}", "0.003", False),
        ("0.0015", "1.50e-3", True),
        ("0.0016", "1.50e-3", False),
        ("3", "3", False),  # no decimal
        ("x", "3.14", False),
    ],
)
def test_within_half_of_the_last_place(exact: str, rounded: str, expected: bool) -> None:
    assert rounds_to(parse(exact), parse(rounded), Work(0), least_digits=3) is expected
