"""Answers to multiple choice."""

from __future__ import annotations

import pytest

from astro_sympy.comparing.choices import same_choice


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("(B)", "B", True),
        ("(B)", "(b)", True),
        ("B", "B. 12", True),
        ("B", "option B", True),
        ("(C) Cecile", "C", True),
        ("C Cecile", "C", True),
        ("(C) Cecile", "cecile", True),
        ("(A) Cecile", "C", False),
        ("(B) 12", "(C) 12", False),
        ("(B) 12", "(B) 12", True),
        ("(B) 12", "(B) 13", None),
        ("(b)", "b)", True),
        ("a multiple of 3", "a multiple of 4", None),
        ("A Square", "A Circle", None),
        ("x", "(x)(x+1)", None),
        ("x", "(x) y", None),
        ("(C) Cecile", "Alina", None),
        ("B", "B or C", None),
        ("B", "(B) or (C)", None),
        ("B", "B, C", None),
        ("(B)", "not B", None),
        ("x", "y", None),
        ("B", "B", None),
        ("12", "7", None),
    ],
)
def test_same_choice(gold: str, answer: str, same: bool | None) -> None:
    assert same_choice(gold, answer, marked=False) is same
    assert same_choice(answer, gold, marked=False) is same


def test_letters_set_as_text_are_no_variables() -> None:
    assert same_choice("b", "B", marked=True) is True
    assert same_choice("x", "y", marked=True) is False


def test_a_small_letter_answers_a_reference_in_capitals_but_not_the_other_way() -> None:
    assert same_choice("C", "c", marked=False) is True
    assert same_choice("c", "C", marked=False) is None
    assert same_choice("X", "x", marked=False) is None
