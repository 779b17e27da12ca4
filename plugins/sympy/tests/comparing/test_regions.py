"""Sets of reals from brackets, inequalities and unions."""

from __future__ import annotations

import pytest

from astro_sympy.comparing.quantities import Scope
from astro_sympy.comparing.regions import is_region, region, same_region
from astro_sympy.params import SympyParams
from astro_sympy.reading.parser import parse
from astro_sympy.values.work import Work


def same(left: str, right: str) -> bool:
    scope = Scope(SympyParams(), Work(1))
    ours, theirs = region(parse(left), scope.work), region(parse(right), scope.work)
    assert ours is not None and theirs is not None
    return same_region(ours, theirs, scope)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (r"(-\infty, 2]", r"x \le 2"),
        ("[1, 2]", r"1 \le x \le 2"),
        ("(1, 2)", "2 > x > 1"),
        (r"x < 1 \text{ or } x > 3", r"(3, \infty) \cup (-\infty, 1)"),
        (r"x > 1 \text{ and } x < 3", "(1, 3)"),
        (r"x \ne 2", r"(-\infty, 2) \cup (2, \infty)"),
        (r"\mathbb{R} \setminus \{2\}", r"x \ne 2"),
        (r"\mathbb{R} - \{2\}", r"x \ne 2"),
        (r"x > 2, x \ne 3", r"(2, 3) \cup (3, \infty)"),
        ("-x > -1", "x < 1"),
        ("2x + 1 < 5", "x < 2"),
        ("|x| < 3", "(-3, 3)"),
        (r"1 \le |z| \le \frac{3}{2}", r"[-\frac{3}{2}, -1] \cup [1, \frac{3}{2}]"),
        (r"\{x \mid x > 0\}", r"(0, \infty)"),
        (r"[0, 1] \cup [1, 2]", "[0, 2]"),
        (r"[0, 2] \cap [1, 3]", "[1, 2]"),
        ("(a, b)", "a < x < b"),
        ("(0.5, 8)", r"(\frac{1}{2}, 8)"),
    ],
)
def test_the_same_set(left: str, right: str) -> None:
    assert same(left, right)
    assert same(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("[1, 2)", "[1, 2]"),
        ("x > 2", r"x \ge 2"),
        ("x > 2", "x < 2"),
        (r"(0, 1) \cup (1, 2)", "(0, 2)"),
        (r"x \ne 2", r"x \ne 1"),
        (r"x < 1 \text{ or } x > 3", "(1, 3)"),
    ],
)
def test_other_sets(left: str, right: str) -> None:
    assert not same(left, right)


@pytest.mark.parametrize("text", ["(2, 1)", "b < a < d < c", "x = y", "7"])
def test_what_is_no_set_of_reals(text: str) -> None:
    assert region(parse(text), Work(0)) is None


def test_a_pair_in_brackets_alike_may_be_a_point() -> None:
    assert not is_region(parse("(1, 2)"))
    assert is_region(parse("(1, 2]")) and is_region(parse(r"(1, \infty)"))
