"""Words beside mathematics."""

from __future__ import annotations

import pytest

from astro_sympy.reading.phrases import is_condition, is_filler, symbol_for


@pytest.mark.parametrize("text", ["units", "square units", "of the marbles", "ways", "only", "th"])
def test_filler_changes_nothing(text: str) -> None:
    assert is_filler(text)


@pytest.mark.parametrize(
    "text",
    [
        "not",
        "is wrong",
        "or 8",
        "at least",
        "p.m.",
        "no",
        "isn't it",
        "-ish",
        "almost",
        "one two three four five six x",
    ],
)
def test_words_that_deny_hedge_or_ramble_are_no_filler(text: str) -> None:
    assert not is_filler(text)


def test_restrictions_and_words_for_symbols() -> None:
    assert is_condition("for all") and is_condition("where") and not is_condition("forty")
    assert symbol_for("No solution") == "emptyset"
    assert symbol_for("there are no real solutions") == "emptyset"
    assert symbol_for("No solution exists") == "emptyset"
    assert symbol_for("all integers") == "ZZ"
    assert symbol_for("all real numbers") == "RR"
    assert symbol_for("infinitely many") == "oo"
    assert symbol_for("ellipse") is None
