"""Statements: which value is stated, of which name."""

from __future__ import annotations

import pytest

from astro_sympy.comparing.labels import Contradiction, is_label, statement
from astro_sympy.reading.parser import parse
from astro_sympy.values.work import Work


@pytest.mark.parametrize(
    ("text", "value", "name"),
    [
        ("x = 5", "5", "x"),
        ("5 = x", "5", "x"),
        ("5", "5", ""),
        ("x = y = z = 5", "5", "x"),
        ("A = 2 + 3 = 5", "5", "A"),
        ("f(x) = 2x", "2x", "f(x)"),
        (r"\frac{AB}{CD} = 2", "2", "A B C D"),
        (r"\sqrt{2} \approx 1.414", r"\sqrt{2}", ""),
        (r"x \in [1, 2]", "[1, 2]", "x"),
        ("Anna: 5", "5", ""),
        ("x + y = 5", "x + y = 5", ""),
    ],
)
def test_the_value_under_a_name(text: str, value: str, name: str) -> None:
    stated = statement(parse(text), Work(0))
    assert (stated.value, stated.name) == (parse(value), name)


def test_parameters_of_a_function() -> None:
    assert statement(parse("f(s,t) = st"), Work(0)).parameters == ("s", "t")


@pytest.mark.parametrize("text", ["0 = 7", "2 + 2 = 5", r"\sqrt{2} \approx 1.5", "x = 5 = 7"])
def test_contradictions(text: str) -> None:
    with pytest.raises(Contradiction):
        statement(parse(text), Work(0))


@pytest.mark.parametrize("text", ["x", "AB", "|AB|", "(x, y)", r"\cos A", "m_{max}", "f^{-1}(x)"])
def test_labels(text: str) -> None:
    assert is_label(parse(text))


@pytest.mark.parametrize("text", ["7", r"\pi", "2x", "xy", "a^2 + b", "x + 1"])
def test_what_is_no_label(text: str) -> None:
    assert not is_label(parse(text))
