"""The expression grammar: exact, bounded, total."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_countdown.grammar import MAX_DEPTH, MAX_LENGTH, ExpressionError, evaluate


@pytest.mark.parametrize(
    ("text", "value", "used"),
    [
        ("7", 7, [7]),
        ("(3 + 4) * 3", 21, [3, 4, 3]),
        ("3 + 4 * 3", 15, [3, 4, 3]),
        ("10 - 4 - 3", 3, [10, 4, 3]),
        ("24/4/2", 3, [24, 4, 2]),
        ("1 / 3 * 3", 1, [1, 3, 3]),
        ("7 - 2 * (6 / 4)", 4, [7, 2, 6, 4]),
        (r"3 \times 4 \div 2 - 1 \cdot 1", 5, [3, 4, 2, 1, 1]),
        ("3 \u00d7 4 \u00f7 2 \u2212 1 \u00b7 1", 5, [3, 4, 2, 1, 1]),
    ],
)
def test_hand_worked_values(text: str, value: int, used: list[int]) -> None:
    assert evaluate(text) == (value, used)


def test_arithmetic_is_that_of_the_rationals() -> None:
    assert evaluate("1 / 3 + 1 / 6")[0] == Fraction(1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "(",
        "3 +",
        "+ 3",
        "-3",
        "3 4",
        "2(4)",
        "(2)(4)",
        "3 + (4",
        "3 + 4)",
        "2 ** 3",
        "2 ^ 3",
        "9" * 10,
        "1 / 0",
        "1 / (2 - 2)",
        "3.5",
        "1e9",
        "__import__('os').system('id')",
        "\u0663 + 1",  # an Arabic-Indic three
        "\uff13 + 1",  # a full-width three
        "\ud800",
        "(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1),
        "1+" * (MAX_LENGTH // 2) + "1",
        "(" * 10**6,
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text)


def test_the_deepest_nesting_allowed_is_read() -> None:
    assert evaluate("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH) == (1, [1])


expressions = st.recursive(
    st.integers(0, 999).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda parts: "({} {} {})".format(*parts)
    ),
    max_leaves=8,
)


@given(expressions)
def test_agrees_with_python_where_python_is_exact(text: str) -> None:
    exact = "".join(f"Fraction({word})" if word.isdigit() else word for word in _words(text))
    try:
        expected = eval(exact, {"Fraction": Fraction})
    except ZeroDivisionError:
        with pytest.raises(ExpressionError):
            evaluate(text)
    else:
        assert evaluate(text)[0] == expected


@given(st.one_of(st.text(), st.text("0123456789+-*/() \\timescdov")))
def test_raises_nothing_but_its_own_error(text: str) -> None:
    try:
        value, used = evaluate(text)
    except ExpressionError:
        return
    assert isinstance(value, Fraction)
    assert used


def _words(text: str) -> list[str]:
    return text.replace("(", " ( ").replace(")", " ) ").split()
