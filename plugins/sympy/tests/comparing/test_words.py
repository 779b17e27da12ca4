"""Answers in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_sympy.comparing.words import same_words

SAME = [
    (r"\text{Evelyn}", "Evelyn"),
    (r"\text{Evelyn}", " evelyn. "),
    (r"\textbf{two\ lines}", "two lines"),
    ("two lines", "2 lines"),
    (r"\mbox{four}", "4"),
    ("third", "3rd"),
    (r"\text{odd}", "odd"),
    ("LMNO", "LMNO"),
    (r"\text{red, green, blue}", r"\text{blue},\ \text{red and green}"),
    (r"\text{A, D, F}", "A,F,D"),
    ("Friday", "Fri."),
    (r"\text{October 30}", "30 October"),
    ("October 30", "the 30th of October".removeprefix("the ")),
    ("October 30, 1999", "30 Oct 1999"),
    ("Yes", r"\text{yes}"),
    ("Yes", "Yes, because 7 is a prime"),
    ("True", "yes"),
    ("the circle", "circle"),
    (r"\text{an ellipse}", "ellipse"),
    ("4:30 p.m.", "16:30"),
    ("(B)", r"\text{B}"),
    ("The sum is less than zero.", r"\text{the sum is less than zero}"),
    ("a multiple of 3 below 50", "A multiple of 3 below 50."),
    ("all real numbers", r"\text{All real numbers}"),
]
DIFFERENT = [
    (r"\text{east}", r"\text{seat}"),
    (r"\text{Evelyn}", "Evelyn and Carla"),
    (r"\text{even}", "odd"),
    (r"\text{even}", "7"),
    ("LMNO", "ONML"),
    (r"\text{A, D}", "A"),
    ("Friday", "Sunday"),
    (r"\text{October 30}", "October 31"),
    ("October 30, 1999", "October 30, 1998"),
    ("Yes", "No"),
    ("Yes", "Yes and no"),
    ("Yes", "Yes, or no"),
    ("two lines", "3 lines"),
    ("three", "-3"),
    ("five miles", ".5 miles"),
    ("half-open", "open"),
]
MATHEMATICS = [
    ("7", "8"),
    ("x", "y"),
    ("xy", "yx"),
    ("abc", "cba"),
    ("sin x", r"\sin x"),
    (r"10 \text{ units}", "10"),
    ("a multiple of 3", "a multiple of 4"),
    ("-5 degrees", "5 degrees"),
    ("2*3 apples", "23 apples"),
    ("0.5 miles", "05 miles"),
    (r"\frac{1}{2}", "0.5"),
    (r"\text{all real numbers}", r"\mathbb{R}"),
    ("infinitely many", r"\infty"),
    ("9:24", "3:8"),
    ("x + \\text{even}", "x"),
    ("a" * 500, "b" * 500),
]


@pytest.mark.parametrize(("gold", "answer"), SAME)
def test_the_same(gold: str, answer: str) -> None:
    assert same_words(gold, answer) is True
    assert same_words(answer, gold) is True


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_different(gold: str, answer: str) -> None:
    assert same_words(gold, answer) is False
    assert not same_words(answer, gold)


@pytest.mark.parametrize(("gold", "answer"), MATHEMATICS)
def test_left_to_the_mathematical_reading(gold: str, answer: str) -> None:
    assert same_words(gold, answer) is None
    assert same_words(answer, gold) is None


def test_a_number_is_never_a_word() -> None:
    assert same_words("5", r"\text{NaN}") is None


PIECES = "red yes no Tom four 4 (B) B: 12:30 pm may 30 October \\text{ } , and $ x \u0663 ' -"
texts = st.lists(st.sampled_from(PIECES.split()), max_size=6).map(" ".join)


@given(texts, texts)
def test_symmetric_and_reflexive(left: str, right: str) -> None:
    assert bool(same_words(left, right)) == bool(same_words(right, left))
    assert same_words(left, left) is not False
