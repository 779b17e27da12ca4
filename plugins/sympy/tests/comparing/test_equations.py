"""Relations up to form."""

from __future__ import annotations

import pytest

from astro_sympy.comparing.equations import same_relation, solves
from astro_sympy.reading.parser import parse
from astro_sympy.values.nodes import Relation
from astro_sympy.values.work import Work


def relation(text: str) -> Relation:
    node = parse(text)
    assert isinstance(node, Relation)
    return node


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("2x+4y-3=0", r"y=-\frac{1}{2}x+\frac{3}{4}"),
        ("y=2x+1", "y-2x=1"),
        ("x^2+y^2=4", "4-y^2=x^2"),
        (r"\frac{x^2}{4}+\frac{y^2}{9}=1", "9x^2+4y^2=36"),
        ("x < y", "y > x"),
        ("2x < 2y", "x - y < 0"),
        ("a < b < c", "c > b > a"),
    ],
)
def test_the_same_relation(left: str, right: str) -> None:
    assert same_relation(relation(left), relation(right), Work(3))
    assert same_relation(relation(right), relation(left), Work(3))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("y=2x+1", "y=2x-1"),
        ("x < y", "y < x"),
        ("x < y", r"x \le y"),
        ("y=x", "y=x^2"),
        ("b < a < d < c", "a < b < c < d"),
        ("y=2x+1", "0=0"),
    ],
)
def test_other_relations(left: str, right: str) -> None:
    assert not same_relation(relation(left), relation(right), Work(3))


def test_solved_for_one_of_two_variables() -> None:
    assert solves(relation("xy = 6"), parse(r"\frac{6}{x}"), Work(3))
    assert not solves(relation("xy = 6"), parse(r"\frac{6}{x+1}"), Work(3))
    assert not solves(relation("y^2 = 4x"), parse(r"2\sqrt{x}"), Work(3))  # nor -2\sqrt{x}
    assert not solves(relation("a^2 + b = 0"), parse("0"), Work(3))
    assert not solves(relation("7 = 11a + c"), parse("11a + c"), Work(3))
