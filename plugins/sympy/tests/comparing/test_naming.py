"""An answer names the value: a restated condition does not, a sum of letters does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from astro.types import Status, Verdict

Judge = Callable[..., Verdict]

RESTATED = [
    ("x=5", "2x+1=11"),
    ("x=5", "11 = 2x + 1"),
    ("x=5", "x-5=0"),
    ("x=5", "x + 0 = 5"),
    ("t = -3", "4t + 20 = 8"),
    ("x<5", "2x+1<11"),
    (r"(-\infty,5)", "2x<10"),
    ("(2,4)", "2x>4, x<4"),
    (r"\{x\mid x<5\}", r"\{x\mid 2x<10\}"),
]
NAMED = [
    ("x=5", "5=x"),
    ("x=5", r"x=\frac{11-1}{2}"),
    ("x<1", "-x>-1"),
    ("(2,4)", "x>2, x<4"),
    ("2x+1=11", "4x+2=22"),
    ("y=2x+1", "2x-y+1=0"),
    ("293", "m+n=293"),
    ("293", "m+n=256+37=293"),
    ("62", "a + b + c = 12+25+25 = 62"),
    ("105", "100p+q=105"),
    ("3", "a-b=3"),
    ("12", "pq=12"),
    (r"\frac12", r"r + s = 0.5"),
    ("m+n=293", "n+m=293"),
    ("xy=6", r"\frac6x"),
]
OTHERS = [
    ("256", "m+n=256+37=293"),
    ("293", "m+n=256+38=293"),
    ("25", "m+n=52"),
    ("m=5", "m+n=5"),
    ("m+n=293", "m-n=293"),
    ("x+y=7", "7"),
    ("5", "2x=10"),
    ("10", "2x=10"),
    ("7", "x+2=7"),
    ("25", "x^2+y^2=25"),
    ("(3,4)", "x+y=7, x-y=-1"),
]


@pytest.mark.parametrize(("gold", "answer"), RESTATED)
def test_a_restated_condition_is_no_answer(judge: Judge, gold: str, answer: str) -> None:
    verdict = judge(gold, rf"\boxed{{{answer}}}")
    assert verdict.status is Status.INCORRECT
    assert "condition" in verdict.reason
    assert judge(gold, rf"\boxed{{{answer}}}", solved=False).correct


@pytest.mark.parametrize(("gold", "answer"), NAMED)
def test_the_value_is_named(judge: Judge, gold: str, answer: str) -> None:
    assert judge(gold, rf"\boxed{{{answer}}}").correct
    assert judge(gold, f"The answer is {answer}.").correct


@pytest.mark.parametrize(("gold", "answer"), OTHERS)
def test_another_value_is_named(judge: Judge, gold: str, answer: str) -> None:
    assert judge(gold, rf"\boxed{{{answer}}}").status is Status.INCORRECT
