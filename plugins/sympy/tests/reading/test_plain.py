"""Words without their markup."""

from __future__ import annotations

import pytest

from astro_sympy.reading.plain import is_marked, plain_words


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"\text{Evelyn}", "Evelyn"),
        (r"$\textbf{two}\ \text{lines}.$", "two lines"),
        (r"4\!:\!30\,\mbox{ p.m.}", "4:30 p.m"),
        (r"\left(\text{H}\right),", "(H)"),
        ("\uff22", "B"),
        ("  red \n green ", "red green"),
        (r"\frac{1}{2}", r"\frac12"),
        ("", ""),
    ],
)
def test_plain_words(text: str, plain: str) -> None:
    assert plain_words(text) == plain


def test_is_marked() -> None:
    assert is_marked(r"x \text{ or } y")
    assert not is_marked(r"\textstyle x")
