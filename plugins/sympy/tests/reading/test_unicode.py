"""Unicode mathematics as LaTeX."""

from __future__ import annotations

import pytest

from astro_sympy.reading.unicode import to_latex


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("x + 1", "x + 1"),
        ("\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}", "12"),
        ("\N{ARABIC-INDIC DIGIT ONE}\N{ARABIC-INDIC DIGIT TWO}", "12"),
        ("2\N{VULGAR FRACTION ONE HALF}", r"2\frac{1}{2}"),
        ("x\N{SUPERSCRIPT TWO}", "x^{2}"),
        ("10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ONE}", "10^{-1}"),
        ("x\N{SUBSCRIPT ONE}", "x_{1}"),
        ("\N{MINUS SIGN}3", "-3"),
        ("3\N{MULTIPLICATION SIGN}4", r"3\times 4"),
        ("\N{SQUARE ROOT}2", r"\sqrt 2"),
        ("\N{SQUARE ROOT}12", r"\sqrt {12}"),
        ("\N{EURO SIGN}5", r"\euro 5"),
        ("\N{ZERO WIDTH SPACE}5\N{ZERO WIDTH NO-BREAK SPACE}", "5"),
        ("30\N{DEGREE SIGN}", r"30^\circ "),
        ("\N{GREEK SMALL LETTER PI}", r"\pi "),
        ("\N{CIRCLED DIGIT TWO}\N{CIRCLED DIGIT THREE}", "2,3"),
        ("\N{MATHEMATICAL ITALIC SMALL X}", "x"),
        ("\f" + "rac{1}{2}", r"\frac{1}{2}"),
        ("2\t" + "imes 3", r"2\times 3"),
        ("\b" + "inom{4}{2}", r"\binom{4}{2}"),
    ],
)
def test_each_sign_becomes_its_latex(text: str, latex: str) -> None:
    assert to_latex(text) == latex
