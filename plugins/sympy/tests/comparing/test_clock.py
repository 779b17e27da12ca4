"""Times of day."""

from __future__ import annotations

import pytest

from astro_sympy.comparing.clock import read_time, same_time

SECONDS = {
    "4:30 p.m": 59_400,
    "4:30PM": 59_400,
    "16:30": 59_400,
    "4:51:06 pm": 60_666,
    "12 am": 0,
    "12:15 a.m.": 900,
    "noon": 43_200,
    "5 o'clock": 18_000,
    "at 9:24": 33_840,
}


@pytest.mark.parametrize("text", SECONDS)
def test_seconds_since_midnight(text: str) -> None:
    time = read_time(text)
    assert time is not None
    assert time.seconds == SECONDS[text]


@pytest.mark.parametrize(
    "text", ["7", "13:00 pm", "0:10 pm", "24:00", "9:60", "1:2", "4.30 pm", ""]
)
def test_no_time(text: str) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("4:30 p.m.", "16:30", True),
        ("4:30 p.m.", "4:30", True),
        ("4:30 p.m.", "4:30 a.m.", False),
        ("16:30", "4:30 a.m.", False),
        ("12:00", "1:00", False),
        ("9:24", "9:24", None),
        ("9:24", "3:08", False),
        ("5:12", "10:24", None),
    ],
)
def test_same_time(gold: str, answer: str, same: bool | None) -> None:
    assert same_time(gold, answer) is same
    assert same_time(answer, gold) is same


def test_a_reference_that_is_a_time_is_no_number() -> None:
    assert same_time("4:30 p.m.", "7") is False
    assert same_time("7", "4:30 p.m.") is None
