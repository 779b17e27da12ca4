"""Sums and products of matrices."""

from __future__ import annotations

import pytest
from flint import fmpq

from astro_sympy.reading.parser import parse
from astro_sympy.values.matrices import matrix
from astro_sympy.values.nodes import Node, children
from astro_sympy.values.rational import rational
from astro_sympy.values.work import TooHard, Work

A = r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"
B = r"\begin{bmatrix}5&6\\7&8\end{bmatrix}"


def entries(node: Node | None) -> list[fmpq]:
    assert node is not None
    return [rational(entry, {}, Work(0)) for entry in children(node)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{A}+{B}", [6, 8, 10, 12]),
        (f"{A}-{B}", [-4, -4, -4, -4]),
        (f"{A}{B}", [19, 22, 43, 50]),
        (f"2{A}", [2, 4, 6, 8]),
        (rf"\frac{{{A}}}{{2}}", [fmpq(1, 2), 1, fmpq(3, 2), 2]),
        (r"(1,2) + 3(1,1)", [4, 5]),
    ],
)
def test_arithmetic(text: str, expected: list[int]) -> None:
    assert entries(matrix(parse(text))) == expected


def test_a_product_of_many_matrices_is_computed_or_refused() -> None:
    assert entries(matrix(parse(r"\begin{pmatrix}1&1\\0&1\end{pmatrix}" * 60))) == [1, 60, 0, 1]
    with pytest.raises(TooHard):
        matrix(parse(r"\begin{pmatrix}x&1\\0&1\end{pmatrix}" * 60))


def test_a_half_open_interval_is_no_vector() -> None:
    assert matrix(parse("-(1,0]")) is None


def test_numbers_are_no_matrices_and_sizes_must_fit() -> None:
    assert matrix(parse("2 + 3")) is None
    for text in (f"{A} + 1", rf"{A}\begin{{pmatrix}}1&2\end{{pmatrix}}"):
        with pytest.raises(TooHard):
            matrix(parse(text))
