"""Case distinctions and systems of equations, in the environments that write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from astro.types import Status, Verdict

Judge = Callable[..., Verdict]

BRANCHES = r"\begin{cases}x^2 & x\ge0\\-x & x<0\end{cases}"
PARITY = r"\begin{cases}1&\text{if } n \text{ is even}\\0&\text{if } n \text{ is odd}\end{cases}"
STEPS = r"\begin{cases}1 & 0\le x<1\\2 & 1\le x<2\\0&\text{otherwise}\end{cases}"
RATIONALS = r"\begin{cases}1 & x\in\mathbb{Q}\\0 & x\notin\mathbb{Q}\end{cases}"
SYSTEM = r"\begin{cases} x = 1 \\ y = 2 \end{cases}"

SAME = [
    (BRANCHES, BRANCHES),
    (BRANCHES, r"\begin{cases}-x & x<0\\x^2 & x\ge0\end{cases}"),
    (BRANCHES, r"\begin{cases}x^2, & \text{if } x\ge0,\\-x, & \text{otherwise.}\end{cases}"),
    (BRANCHES, r"\begin{dcases}x^2 & \text{when }x\ge0\\-x & \text{else}\end{dcases}"),
    (
        BRANCHES,
        r"\left\{\begin{array}{ll}x^2&\text{if $x \ge 0$}\\-x&\text{if $x<0$}\end{array}\right.",
    ),
    (BRANCHES, r"f(x)=\begin{cases}x\cdot x \text{ if } 0\le x\\-x \text{ if } 0>x\end{cases}"),
    (BRANCHES, r"\begin{cases}x^2 & if\ x\ge0\\-x & otherwise\end{cases}"),
    (BRANCHES, r"\begin{cases}x^2,\ x\ge 0\\-x,\ x<0\end{cases}"),
    (BRANCHES, r"\left\{\begin{matrix} x^2 & x\ge0;\\ -x & x<0.\end{matrix}\right."),
    (
        BRANCHES,
        r"\begin{aligned}&x^2 &&\text{if } x\ge 0,\\ &-x &&\text{if }x<0.\end{aligned}",
    ),
    (RATIONALS, r"\begin{cases}0 & \text{if } x\notin\mathbb{Q}\\1 & x\in\mathbb{Q}\end{cases}"),
    (PARITY, r"\begin{cases}0 & n\text{ is odd}\\1 & n\text{ is even}\end{cases}"),
    (PARITY, r"\begin{cases}1 & \text{if $n$ is even}\\0 & \text{if $n$ is odd}\end{cases}"),
    (
        STEPS,
        r"\begin{cases}2 & x\in[1,2)\\0&x<0\text{ or }x\ge2\\1 & x\in[0,1)\end{cases}",
    ),
    (
        r"\begin{cases}1 & x\ne0\\0&x=0\end{cases}",
        r"\begin{cases}0 & x=0\\1&\text{otherwise}\end{cases}",
    ),
    (
        r"\begin{cases}a & x\ge a\\0&x<a\end{cases}",
        r"\begin{cases}0 & a>x\\a&a\le x\end{cases}",
    ),
    (SYSTEM, r"\left\{\begin{aligned}x&=1\\y&=2\end{aligned}\right."),
    (SYSTEM, "x=1, y=2"),
    (SYSTEM, r"\begin{array}{rcl}y&=&2\\x&=&1\end{array}"),
    (r"\begin{aligned}x&=1\\y&=2\end{aligned}", "(1, 2)"),
    ("5", r"\begin{aligned}x&=2+3\\&=5\end{aligned}"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{array}{cc}1&2\\3&4\end{array}"),
]
DIFFERENT = [
    (RATIONALS, r"\begin{cases}0 & x\in\mathbb{Q}\\1 & x\notin\mathbb{Q}\end{cases}"),
    (BRANCHES, r"\begin{cases}x^2 & x>0\\-x & x<0\end{cases}"),
    (BRANCHES, r"\begin{cases}-x & x\ge0\\x^2 & x<0\end{cases}"),
    (BRANCHES, r"\begin{cases}x^2 & x\ge0\\x & x<0\end{cases}"),
    (BRANCHES, r"\begin{cases}x^2 & x\ge0\end{cases}"),
    (BRANCHES, r"\begin{cases}x^2 & y\ge0\\-x & y<0\end{cases}"),
    (BRANCHES, r"\begin{cases}x^2 & \text{if } x<0\\-x & \text{otherwise}\end{cases}"),
    (BRANCHES, r"x^2"),
    (
        PARITY,
        r"\begin{cases}1&\text{if } n \text{ is odd}\\0&\text{if } n \text{ is even}\end{cases}",
    ),
    (STEPS, r"\begin{cases}1 & 0\le x\le1\\2 & 1<x<2\\0&\text{otherwise}\end{cases}"),
    (SYSTEM, r"\begin{aligned}x&=2\\y&=1\end{aligned}"),
    ("5", r"\begin{aligned}x&=2+4\\&=5\end{aligned}"),
    ("1", SYSTEM),
]


@pytest.mark.parametrize(("gold", "answer"), SAME)
def test_the_same(judge: Judge, gold: str, answer: str) -> None:
    assert judge(gold, rf"\boxed{{{answer}}}").correct
    assert judge(answer, rf"\boxed{{{gold}}}").correct


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_different(judge: Judge, gold: str, answer: str) -> None:
    assert judge(gold, rf"\boxed{{{answer}}}").status is Status.INCORRECT
    assert judge(answer, rf"\boxed{{{gold}}}").status is not Status.CORRECT


@pytest.mark.parametrize(
    "answer",
    [
        r"\begin{cases}" * 600,
        r"\begin{cases}" * 40 + "1" + r"\end{cases}" * 40,
        r"\begin{cases}1 & x>0",
        r"\begin{tabular}1\end{tabular}",
        r"\begin{cases}1 & 2\\3\end{cases}",
        r"\begin{aligned}\end{aligned}",
    ],
)
def test_unreadable_environments_are_said_to_be_so(judge: Judge, answer: str) -> None:
    assert judge("7", rf"\boxed{{{answer}}}").status is Status.UNPARSED
