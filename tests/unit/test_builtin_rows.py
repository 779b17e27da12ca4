"""The answer in a solution, as data sets write it."""

from __future__ import annotations

import pytest

from astro.builtin.rows import AnswerIn, answer_of


@pytest.mark.parametrize(
    ("text", "answer_in", "answer"),
    [
        ("5", "text", "5"),
        (r"$\boxed{1}$ and $\boxed{\frac{1}{2}}$.", "boxed", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", "boxed", r"\{1, 2\}"),
        (r"\boxed{a \\ {b}}", "boxed", r"a \\ {b}"),
        (r"$\boxed 7$", "boxed", "7"),
        (r"\fbox{3}", "boxed", "3"),
        (r"\boxed{4}, or \boxed{5", "boxed", "4"),
        (r"\boxed{}", "boxed", ""),
        ("no box", "boxed", ""),
        ("6 * 7 = 42\n#### 42\n", "hashes", "42"),
        ("42", "hashes", ""),
    ],
)
def test_an_answer_is_read(text: str, answer_in: AnswerIn, answer: str) -> None:
    assert answer_of(text, answer_in) == answer


def test_many_open_boxes_are_read_in_time() -> None:
    assert answer_of(r"\boxed{" * 2_000, "boxed") == ""
