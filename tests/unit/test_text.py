"""Text from elsewhere as it is shown on a terminal and in Markdown."""

from __future__ import annotations

import pytest

from astro.text import head_and_tail, markdown, one_line, plain, without_unsafe

JOINED = "می\u200cخواهم क\u094d\u200dष 👨\u200d👩\u200d👧"  # noqa: RUF001 - Persian, Hindi, an emoji


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("4\b2", "4␈2"),
        ("1\x002", "1␀2"),
        ("\x1b[31m", "␛[31m"),
        ("\x7f\x9b1m", "␡\\x9b1m"),
        ("a\u202eb\u2066\u200b\u2060\ufeff", "a\\u202eb\\u2066\\u200b\\u2060\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0067", "\\U000e0067"),
        ("4\r2\r\n\v\f\x85\u2028\u2029.", "4\n2\n\n\n\n\n\n."),
        ("tab\tend\n", "tab\tend\n"),
        (JOINED, JOINED),
        ("e" + "\u0301" * 120 + "f", "e" + "\u0301" * 4 + "…f"),
    ],
)
def test_what_could_steer_a_terminal_has_a_visible_stand_in(given: str, shown: str) -> None:
    assert plain(given) == shown


def test_one_line_has_a_blank_for_each_line_end() -> None:
    assert one_line("x\nerror:\u2028all\tlost\r\n") == "x error: all lost "


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("[x](javascript:1)", r"\[x\](javascript:1)"),
        ("![i](http://e.invalid/i.png)", r"!\[i\](http\://e.invalid/i.png)"),
        ("a|b`c`", r"a\|b\`c\`"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("WWW.e.invalid", r"WWW\.e.invalid"),
        ("two\nlines $x$ of a_b", r"two lines \$x\$ of a_b"),
        ("_a_ 1:2", r"\_a\_ 1:2"),
    ],
)
def test_markdown_shows_text_as_it_is(given: str, shown: str) -> None:
    assert markdown(given) == shown


def test_a_long_text_keeps_its_head_and_its_tail() -> None:
    assert head_and_tail("abcdefgh", "eval/base.jsonl", limit=8) == "abcdefgh"
    cut = head_and_tail("ab" + "x" * 1_000_000 + "yz", "eval/base.jsonl", limit=4)
    assert cut == "ab\n… 1,000,000 characters more, in eval/base.jsonl …\nyz"


def test_text_that_is_searched_is_free_of_what_hides_in_it() -> None:
    assert without_unsafe("se\u200bc\u200dr\x00et") == "secret"
