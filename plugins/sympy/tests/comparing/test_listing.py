"""Lists of answers: their items, and when their order counts."""

from __future__ import annotations

import pytest

from astro_sympy.comparing.listing import MAX_ITEMS, aligned, members, spread, statements
from astro_sympy.reading.parser import parse
from astro_sympy.values.nodes import Group, Series
from astro_sympy.values.work import TooHard, Work


def values(text: str) -> list[object]:
    return [each.value for each in statements(spread(parse(text)), Work(0))]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("1, 2", ["1", "2"]),
        (r"x = 1 \text{ or } x = 2", ["1", "2"]),
        (r"3, \pm 1", ["3", "1", "-1"]),
        (r"k\pi, k \in \mathbb{Z}", [r"k\pi"]),
        ("p=5,q=2;p=7,q=2", ["(5,2)", "(7,2)"]),
        (r"p=5,q=2 \text{ and } p=7,q=2", ["(5,2)", "(7,2)"]),
    ],
)
def test_items(text: str, items: list[str]) -> None:
    assert values(text) == [parse(item) for item in items]


@pytest.mark.parametrize(
    ("left", "right", "is_aligned"),
    [
        ("1,2", "2,1", False),
        ("p=1,q=2", "1,2", True),
        ("p=1,q=2", "q=2,p=1", True),
        ("x_1=1,x_2=2", "1,2", False),
        ("x=1,x=2", "1,2", False),
    ],
)
def test_names_give_an_order(left: str, right: str, is_aligned: bool) -> None:
    sides = [statements(parse(text), Work(0)) for text in (left, right)]
    assert (aligned(*sides) is not None) is is_aligned


def test_coordinates_count_in_the_order_of_the_axes() -> None:
    sides = [statements(parse(text), Work(0)) for text in ("y=1,x=2", "3,4")]
    pairs = aligned(*sides)
    assert pairs is not None and [each.name for each in pairs[0]] == ["x", "y"]


def test_the_number_of_items_is_bounded() -> None:
    assert isinstance(spread(parse(",".join(["1"] * MAX_ITEMS))), Series)
    with pytest.raises(TooHard):
        spread(parse(",".join(["1"] * (MAX_ITEMS + 1))))
    with pytest.raises(TooHard):
        members(Group("{", (parse("1"),) * (MAX_ITEMS + 1), "}"))
