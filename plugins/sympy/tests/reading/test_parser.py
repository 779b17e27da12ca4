"""Trees: precedence, juxtaposition, mixed numbers, brackets, statements, bounds."""

from __future__ import annotations

import pytest
from flint import fmpq

from astro_sympy.reading.cursor import MAX_DEPTH
from astro_sympy.reading.lexer import Unreadable
from astro_sympy.reading.parser import parse
from astro_sympy.values.nodes import (
    Apply,
    Group,
    Matrix,
    Measure,
    Named,
    Number,
    Relation,
    Series,
    Symbol,
)
from astro_sympy.values.rational import rational
from astro_sympy.values.work import Work


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2(4)", fmpq(8)),
        ("(9)(16)", fmpq(144)),
        ("2+3*4", fmpq(14)),
        ("-2^2", fmpq(-4)),
        ("2^3^2", fmpq(512)),
        ("2^10", fmpq(1024)),
        ("2**3", fmpq(8)),
        ("2^{-1}", fmpq(1, 2)),
        ("12/2/3", fmpq(2)),
        ("12/2(3)", fmpq(18)),
        ("1/3!", fmpq(1, 6)),
        (r"2\frac{1}{3}", fmpq(7, 3)),
        ("2 1/3", fmpq(7, 3)),
        (r"-2\frac13", fmpq(-7, 3)),
        (r"2\cdot\frac{1}{3}", fmpq(2, 3)),
        (r"x^2\frac{1}{3}".replace("x", "3"), fmpq(3)),
        (r"\frac12", fmpq(1, 2)),
        (r"\frac1{72}", fmpq(1, 72)),
        (r"\frac{3}4", fmpq(3, 4)),
        (r"\sqrt4", fmpq(2)),
        (r"\sqrt49", fmpq(18)),
        (r"\sqrt[3]{8}", fmpq(2)),
        (r"{5 \choose 2}", fmpq(10)),
        (r"\binom52", fmpq(10)),
        (r"|2-5|", fmpq(3)),
        (r"||2-5|-4|", fmpq(1)),
        (r"2|-3|", fmpq(6)),
        (r"\lfloor 3.7 \rfloor", fmpq(3)),
        (r"\lceil 3.2 \rceil", fmpq(4)),
        (r"0.1\overline{6}", fmpq(1, 6)),
        (r"\sum_{k=1}^{4} k^2", fmpq(30)),
        (r"\gcd(12, 18)", fmpq(6)),
        ("50%", fmpq(1, 2)),
        ("1.5e3", fmpq(1500)),
        ("3:4", fmpq(3, 4)),
        (r"12^{\text{th}}", fmpq(12)),
    ],
)
def test_values(text: str, value: fmpq) -> None:
    assert rational(parse(text), {}, Work(0)) == value


def number(value: int) -> Number:
    return Number(fmpq(value), None, len(str(value).lstrip("0")))


X, ONE, TWO = Symbol("x"), number(1), number(2)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("(1,2]", Group("(", (ONE, TWO), "]")),
        (r"\{1,2\}", Group("{", (ONE, TWO), "}")),
        (r"\{\}", Symbol("emptyset")),
        ("(1)", ONE),
        ("1, 2", Series((ONE, TWO))),
        (r"1 \text{ or } 2", Series((ONE, TWO), "or")),
        (r"1, \text{ and } 2", Series((ONE, TWO), "and")),
        ("x = 1", Relation(("=",), (X, ONE))),
        ("1 < x < 2", Relation(("<", "<"), (ONE, X, TWO))),
        (r"\neq 2", Relation(("!=",), (Symbol("?"), TWO))),
        (r"x \not= 2", Relation(("!=",), (X, TWO))),
        ("f(x) = 1", Relation(("=",), (Symbol("f(x)"), ONE))),
        ("x(2)", Apply("*", (X, TWO))),
        (r"x_{12}", Symbol("x_12")),
        (r"\sin 2x", Apply("sin", (Apply("*", (TWO, X)),))),
        (r"\sin^2 x", Apply("^", (Apply("sin", (X,)), TWO))),
        (r"\sin^{-1} x", Apply("arcsin", (X,))),
        (r"\log_2 x", Apply("log", (X, TWO))),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", Matrix(((ONE,), (TWO,)))),
        (r"2 \text{ cm}^2", Measure(TWO, "cm^2")),
        (r"\$2", Measure(TWO, "$")),
        ("Anna: 2", Named("Anna", TWO)),
        (r"2 \text{ apples}", TWO),
        (r"x \text{ for all } x \in \mathbb{Z}", X),
        (r"\begin{cases} x=1 \\ x=2 \end{cases}", parse("x=1, x=2")),
        (r"\left\{\begin{array}{l} x=1 \\ x=2 \end{array}\right.", parse("x=1, x=2")),
        ("1st", ONE),
        ("1;", ONE),
        (r"1 \over 2", Apply("/", (ONE, TWO))),
        ("print(1)", Symbol("print(1)")),
        (r"x \text{ for } x > 1, x < 2", X),
        (r"1 \text{ for } x > 0, 2 \text{ for } x < 0", Series((ONE, TWO))),
        (r"\begin{pmatrix} 1 \\[4pt] 2 \end{pmatrix}", Matrix(((ONE,), (TWO,)))),
        (r"\int_1^2 x\,dx", Apply("int", (X, ONE, TWO, X))),
        (r"\int_1^2 x\,\mathrm{d}x + 1", Apply("+", (Apply("int", (X, ONE, TWO, X)), ONE))),
        (r"\int_1^2 \frac{x\,dx}{2}", Apply("int", (X, ONE, TWO, Apply("/", (X, TWO))))),
        (r"\lim_{x \to 1} x", Apply("lim", (X, ONE, X))),
        (r"\lim_{x \to 1^{-}} x", Apply("lim-", (X, ONE, X))),
        (r"\frac{d^2}{dx^2} x", Apply("diff", (X, TWO, X))),
        (r"\frac{d}{dx}", Apply("/", (Symbol("d"), Apply("*", (Symbol("d"), X))))),
        ("1:2:1", Group(":", (ONE, TWO, ONE), ":")),
        (r"\{x \mid x < 1\}", Group("{|", (X, Relation(("<",), (X, ONE))), "}")),
    ],
)
def test_trees(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "1)",
        "[1,2}",
        "7 7",
        r"2\frac{4}{3}",
        r"\frac{1}",
        r"\text{not } 7",
        r"7 \text{ or so, maybe}",
        r"\int x dx",
        r"\int_0^1 x",
        r"\lim_{x \to",
        r"\lim_{x \to^+} x",
        r"\sin(1,2)",
        r"\def\x{\x\x}\x",
        r"1 \text{ if } x > 0, 2 \text{ otherwise}",
        r"1\$36",
        "0.(3)",
        "12_1",
        "19_5",
        "(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1),
        r"\sqrt" * 500 + "2",
        "2" + "^2" * 500,
        "5" + "!" * 500,
        "-" * 500 + "5",
        "{}" * 500 + "5",
        "|" * 500,
    ],
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)
