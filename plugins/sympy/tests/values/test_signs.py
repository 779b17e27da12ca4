"""Choices of signs."""

from __future__ import annotations

import pytest

from astro_sympy.reading.parser import parse
from astro_sympy.values.signs import variants
from astro_sympy.values.work import TooHard


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("5", ["5"]),
        (r"\pm 5", ["5", "-5"]),
        (r"3 \pm 5", ["3 + 5", "3 - 5"]),
        (r"3 \pm 5 \mp x", ["3 + 5 - x", "3 - 5 + x"]),
        (r"(\pm 1, \pm 2)", ["(1,2)", "(1,-2)", "(-1,2)", "(-1,-2)"]),
        (r"\{\pm 1\}", [r"\{\pm 1\}"]),
    ],
)
def test_variants(text: str, meant: list[str]) -> None:
    assert variants(parse(text)) == [parse(variant) for variant in meant]


def test_many_signs_are_refused() -> None:
    with pytest.raises(TooHard):
        variants(parse(r"1 \pm 2 \pm 3 \pm 4 \pm 5 \pm 6"))
