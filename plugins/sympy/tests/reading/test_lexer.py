"""Tokens: numerals and their separators, words, commands, bounds."""

from __future__ import annotations

import pytest

from astro_sympy.reading.lexer import MAX_DIGITS, MAX_LENGTH, Token, Unreadable, tokens


def texts(text: str) -> list[str]:
    return [token.text for token in tokens(text)]


@pytest.mark.parametrize(
    "text", ["12345", "12,345", "12{,}345", r"12,\!345", r"12\,345", "12 345", "12~345"]
)
def test_thousands_may_be_set_apart(text: str) -> None:
    assert texts(text) == ["12345"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(100,200)", ["(", "100", ",", "200", ")"]),
        ("(1,000)", ["(", "1000", ")"]),  # no number begins with 0
        (r"\{1,234\}", ["{", "1", ",", "234", "}"]),
        (r"f(1{,}234)", ["f", "(", "1234", ")"]),
        ("1,23", ["1", ",", "23"]),
        ("1,2345", ["1", ",", "2345"]),
    ],
)
def test_a_comma_in_brackets_divides_items(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("xy", ["name", "name"]),
        ("sqrt", ["function"]),
        ("Evelyn", ["text"]),
        ("5 cm", ["number", "text"]),
        ("cm", ["name", "name"]),
        (r"\text{ and }", ["and"]),
        (r"\text{or}", ["or"]),
        (r"\mathrm{e}", ["name"]),
        (r"\$5", ["currency", "number"]),
        (r"x \ne 3", ["name", "!=", "number"]),
        (r"x\\le 3", ["name", "<=", "number"]),
        (r"\left( 1 \right]", ["(", "number", "]"]),
        (r"2A_{16}", ["numeral", "_", "begin", "number", "end"]),
        ("5.", ["number"]),
        (r"\ 5\ ".strip(), ["number"]),
        (r"\frac43.", ["function", "number"]),
        (r".\overline{3}", ["number"]),
        (r"3{:}4", ["number", ":", "number"]),
        (r"\mathbb R", ["name"]),
        (r"\text{5 cm}", ["number", "text"]),
        (r"\text{Room 5}", ["text"]),
        ("2 million", ["number", "scale"]),
        ("print(5)", ["call", "(", "number", ")"]),
        (r"\text{A5}_{11}", ["numeral", "_", "begin", "number", "end"]),
    ],
)
def test_kinds(text: str, kinds: list[str]) -> None:
    assert [token.kind for token in tokens(text)] == kinds


def test_rows_are_told_from_doubled_backslashes() -> None:
    matrix = tokens(r"\begin{pmatrix}1\\2\end{pmatrix}")
    assert [token.kind for token in matrix] == ["\\begin", "number", "\\\\", "number", "\\end"]
    assert tokens(r"\\pi") == [Token("name", "pi")]


@pytest.mark.parametrize(
    "text", [r"\unknowncommand", "a # b", "x?", "1" * (MAX_DIGITS + 1), "1+" * MAX_LENGTH]
)
def test_what_has_no_meaning_or_no_bound_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        tokens(text)
