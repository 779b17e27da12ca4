"""Reflection and backtracking in the language of the game."""

from __future__ import annotations

from random import Random

from astro.types import Problem, SegmentKind, State, Step
from astro_countdown.step_format import CountdownFormat
from astro_countdown.verifier import CountdownVerifier

FORMAT = CountdownFormat()
RNG = Random(0)


def state(problem: Problem, *lines: str) -> State:
    return State(problem, tuple(Step(f"{line}\n") for line in lines))


def test_ends_at_an_answer_or_a_wait(problem: Problem) -> None:
    assert FORMAT.stop == ("\n",)
    assert not FORMAT.is_terminal(state(problem))
    assert not FORMAT.is_terminal(state(problem, "3 + 4 = 7 left 3 7"))
    assert FORMAT.is_terminal(state(problem, "wait 10 is not 21"))
    assert FORMAT.is_terminal(state(problem, "3 + 4 = 7 left 3 7", "answer 10"))


def test_reflects_once(problem: Problem) -> None:
    assert FORMAT.reflection(state(problem, "wait 10 is not 21"), RNG) == ""
    assert FORMAT.reflection(state(problem, "answer 10"), RNG) == "wait 10 is not 21\n"
    ended = state(problem, "4 + 6 = 10 left 10")
    assert FORMAT.reflection(ended, RNG) == "wait 10 is not 21\n"


def test_a_wait_is_a_doubt_of_ones_own() -> None:
    assert FORMAT.doubts("wait 10 is not 21\n")
    assert not FORMAT.doubts("answer 10\n")


def test_says_nothing_untrue_of_an_end_without_a_wrong_value(problem: Problem) -> None:
    assert FORMAT.reflection(state(problem, "answer 21"), RNG) == ""
    assert FORMAT.reflection(state(problem, "answer 3 + 4"), RNG) == ""
    assert FORMAT.reflection(state(problem, "3 + 4 = 7 left 3 7"), RNG) == ""


def test_closes_a_line_that_was_broken_off(problem: Problem) -> None:
    broken_off = State(problem, (Step("answer 10"),))
    assert FORMAT.reflection(broken_off, RNG) == "\nwait 10 is not 21\n"


def test_goes_back_to_what_was_left(problem: Problem) -> None:
    assert FORMAT.backtrack(state(problem), RNG) == "back to 3 4 3\n"
    assert FORMAT.backtrack(state(problem, "3 + 4 = 7 left 3 7"), RNG) == "back to 3 7\n"
    returned = state(problem, "3 + 4 = 7 left 3 7", "back to 3 3 4")
    assert FORMAT.backtrack(returned, RNG) == "back to 3 3 4\n"


def test_counts_backtracks_at_line_starts() -> None:
    response = "3 + 4 = 7 left 3 7\nback to 3 4 3\nno back to here\nback to 3 4 3\nanswer 1\n"
    assert FORMAT.backtracks(response) == 2


def test_its_words_make_a_correct_and_legal_trace(problem: Problem) -> None:
    wrong = state(problem, "3 + 4 = 7 left 3 7", "3 + 7 = 10 left 10", "answer 10")
    ancestor = state(problem, "3 + 4 = 7 left 3 7")
    shown = "".join(step.text for step in wrong.steps[:2])
    turn = FORMAT.reflection(wrong, RNG) + FORMAT.backtrack(ancestor, RNG)
    response = shown + turn + "3 * 7 = 21 left 21\nanswer 21\n"
    assert CountdownVerifier().verify(problem, response).correct
    assert FORMAT.legal(problem, response)
    assert not FORMAT.legal(problem, response.replace("10 left", "11 left"))


def test_parts_of_a_response() -> None:
    lines = [
        "3 + 5 = 8 left 8 8\n",
        "8 - 8 = 0 left 0\n",
        "wait 0 is not 21\n",
        "back to 8 8\n",
        "8 + 8 = 16 left 16\n",
        "back to 8 5 3\n",
        "3 * 5 = 15 left 8 15\n",
        "back to 1 2\n",
        "answer 23",
    ]
    parts = FORMAT.parts("".join(lines))
    assert [part.text for part in parts] == lines
    kinds = ["step", "step", "reflection", "backtrack", "step", "backtrack", "step", "backtrack"]
    assert [part.kind.value for part in parts] == [*kinds, "step"]
    assert [part.target for part in parts if part.kind == "backtrack"] == [0, -1, None]
    for response in ("", "back to\n\nback to 3", "\n \nwait", "xback to 3\nback tomorrow\n"):
        assert "".join(part.text for part in FORMAT.parts(response)) == response
        found = [part.kind for part in FORMAT.parts(response)].count(SegmentKind.BACKTRACK)
        assert found == FORMAT.backtracks(response)
