"""Responses in parts, also where a step format does not parse them itself."""

from __future__ import annotations

from astro.types import State
from astro_countdown.step_format import CountdownFormat
from astro_report.responses import parts


class Foreign:
    """A step format of another package, which only counts backtracks."""

    stop: tuple[str, ...] = (";",)

    def is_terminal(self, state: State) -> bool:
        return bool(state.steps)

    def reflection(self, *_: object) -> str:
        return ""

    backtrack = reflection

    def backtracks(self, response: str) -> int:
        return response.count("back")

    def doubts(self, step: str) -> bool:
        return "hm" in step


def test_a_format_that_does_not_parse_tells_of_each_step_what_it_is() -> None:
    found = parts("a; hm; back; ;b", Foreign())
    assert [(part.kind, part.text) for part in found] == [
        ("step", "a;"),
        ("reflection", " hm;"),
        ("backtrack", " back;"),
        ("step", " ;"),
        ("step", "b"),
    ]


def test_without_a_format_a_response_is_one_step() -> None:
    assert [part.text for part in parts("a\nb", None)] == ["a\nb"]


def test_targets_are_kept() -> None:
    found = parts("3 + 5 = 8 left 8 8\nback to 3 5 8\n", CountdownFormat())
    assert [part.target for part in found] == [None, -1]
