r"""Boxes: the last ones, whole, whatever they hold."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_sympy.reading.boxes import MAX_ANSWER_CHARACTERS, distinct, last_boxes

HELD = {
    r"\boxed{7}": ["7"],
    r"So $x=\boxed{\frac{1}{2}}$.": [r"\frac{1}{2}"],
    r"\fbox{7}": ["7"],
    r"\boxed {7}": ["7"],
    r"\boxed 7$": ["7"],
    r"\boxed -1/2 .": ["-1/2"],
    r"\boxed{5} is wrong. It is \boxed{7}": ["7"],
    r"\boxed{5}, so the answer is \boxed{7}": ["7"],
    r"\boxed{5} = \boxed{7}": ["7"],
    r"\boxed{\{1, 2\}}": [r"\{1, 2\}"],
    r"\boxed{\boxed{7}}": [r"\boxed{7}"],
    r"\boxed{\boxed{5} + 2}": [r"\boxed{5} + 2"],
    r"\boxed{7} I wrote it in \boxed{}.": ["7"],
    r"\boxed{ 7 }": ["7"],
    r"\boxed{1} and \boxed{2}": ["1", "2"],
    r"\boxed{1}, \boxed{2}, and \boxed{3}": ["1", "2", "3"],
    r"\(\boxed{1}\) or \(\boxed{2}\).": ["1", "2"],
    r"\boxed{1}\quad\text{and}\quad\boxed{2}": ["1", "2"],
    r"(a) \boxed{1} (b) \boxed{2}": ["1", "2"],
    r"\boxed{1} apples and \boxed{2} pears": ["1", "2"],
    r"\boxed{1} \boxed{2}": ["1", "2"],
    r"\boxed{7} and \boxed{7}": ["7"],
    r"$x = \boxed{1}$ and $y = \boxed{2}$": ["1", "2"],
    r"$x_1 = \boxed{1}$, $x_{2} = \boxed{2}$": ["1", "2"],
    r"$x = \boxed{1}$, so $y = \boxed{2}$": ["2"],
    r"\boxed{3}. Then \boxed{1} and \boxed{2}": ["1", "2"],
    r"\boxed{}": [],
    r"\boxedtext{7}": [],
    "7": [],
    "": [],
}


@pytest.mark.parametrize("text", HELD)
def test_the_boxes_a_text_ends_on(text: str) -> None:
    assert distinct(last_boxes(text)) == HELD[text]


@pytest.mark.parametrize("text", [r"\boxed{7", r"\boxed{5} or \boxed{7", r"\boxed{\frac{1}{2}"])
def test_a_last_box_that_stays_open_holds_nothing(text: str) -> None:
    assert last_boxes(text)[-1].content is None


def test_an_earlier_box_that_stays_open_is_passed_over() -> None:
    assert distinct(last_boxes(r"\boxed{5, then \boxed{7}")) == ["7"]


def test_a_box_may_hold_only_so_much() -> None:
    assert last_boxes("\\boxed{" + "1" * (MAX_ANSWER_CHARACTERS - 1) + "}")[0].content
    assert last_boxes("\\boxed{" + "1" * MAX_ANSWER_CHARACTERS + "}")[0].content is None


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{" * 100_000,
        "\\boxed{5} " * 100_000 + "\\boxed{6}",
        "\\boxed{" * 50_000 + "}" * 50_000,
        "\\boxed{" + "{" * 500_000,
        "\\boxed" * 100_000,
        "\\boxed{5}" + " and" * 200_000 + "\\boxed{6}",
    ],
    ids=range(6),
)
def test_the_end_of_a_long_text_is_found_at_once(text: str) -> None:
    started = time.process_time()
    last_boxes(text)
    assert time.process_time() - started < 1.0


@given(st.text("\\boxed{}5 and,$", max_size=80))
def test_boxes_lie_apart_in_order_within_the_text(text: str) -> None:
    boxes = last_boxes(text)
    ends = [0, *(position for box in boxes for position in (box.start, box.end)), len(text)]
    assert ends == sorted(ends)
    assert all(box.content is None or box.content in text for box in boxes)
