"""The verifier: what counts as correct, and that no text breaks it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro.testing import Case, VerifierConformance
from astro.types import Problem, Status
from astro_countdown.game import answer_line, apply, back_line, legal_moves, step_line, wait_line
from astro_countdown.replay import MAX_CHARACTERS, all_legal, game_of, replay
from astro_countdown.verifier import CountdownVerifier, VerifierParams

VERIFIER = CountdownVerifier()
DIRECT = "3 + 4 = 7 left 3 7\n3 * 7 = 21 left 21\nanswer 21\n"
WRONG = "3 + 3 = 6 left 4 6\n4 + 6 = 10 left 10\n"

CORRECT = {
    "direct": DIRECT,
    "no line end": DIRECT.rstrip("\n"),
    "boxed value": DIRECT.replace("answer 21", r"\boxed{21}"),
    "any order": "4 + 3 = 7 left 7 3\n7 * 3 = 21 left 21\nanswer 21\n",
    "after a backtrack": WRONG + "wait 10 is not 21\nback to 3 3 4\n" + DIRECT,
    "back to half way": "3 + 4 = 7 left 3 7\n3 + 7 = 10 left 10\nwait 10 is not 21\n"
    "back to 3 7\n3 * 7 = 21 left 21\nanswer 21\n",
    "back before the end": "3 + 3 = 6 left 4 6\nback to 4 3 3\n" + DIRECT,
    "illegal but abandoned": "3 + 3 = 7 left 4 7\n4 + 7 = 11 left 11\nback to 3 3 4\n" + DIRECT,
    "expression": "answer (3 + 4) * 3\n",
    "boxed expression": r"So it is \boxed{3 \times (4 + 3)}.",
    "expression after prose": "Let me think.\nThree sevens are 21.\nanswer 3*(3+4)",
}
INCORRECT = {
    "gave up": (WRONG + "wait 10 is not 21\n", "10"),
    "another value": (WRONG + "answer 10\n", "10"),
    "untrue answer": (WRONG + "answer 21\n", "10"),
    "no steps": ("answer 21\n", "21"),
    "numbers left": ("3 + 4 = 7 left 3 7\nanswer 21\n", "21"),
    "untrue step": ("3 + 4 = 8 left 3 8\n3 * 8 = 21 left 21\nanswer 21\n", "21"),
    "untrue list": ("3 + 4 = 7 left 7\n3 * 7 = 21 left 21\nanswer 21\n", "21"),
    "number not there": ("3 + 18 = 21 left 21\nanswer 21\n", "21"),
    "number used twice": ("4 + 4 = 8 left 3 8\n3 * 8 = 24 left 24\nanswer 21\n", "21"),
    "back to nowhere": ("3 + 3 = 6 left 4 6\nback to 3 7\n3 * 7 = 21 left 21\nanswer 21\n", "21"),
    "step dropped too late": (
        "3 + 3 = 7 left 4 7\n4 + 7 = 11 left 11\nback to 4 7\n" + DIRECT,
        "21",
    ),
    "gave up on a hit": (DIRECT.replace("answer 21", "wait 21 is not 21"), "21"),
    "prose among the steps": ("Hmm.\n" + DIRECT, "21"),
    "expression value": ("answer 3 + 4 * 3\n", "15"),
    "expression repeats": ("answer 3 * 7\n", "21"),
    "expression leaves out": (r"\boxed{4 * 3}", "12"),
}
GAVE_UP = {
    "true": INCORRECT["gave up"][0],
    "on a hit": INCORRECT["gave up on a hit"][0],
    "cut off after the value": WRONG + "wait 10",
    "cut off before the target": WRONG + "wait 10 is not ",
    "another value": WRONG + "wait 12 is not 21",
    "numbers left": "3 + 4 = 7 left 3 7\nwait 7 is not 21",
    "after a backtrack": WRONG + "wait 10 is not 21\nback to 3 3 4\n" + WRONG + "wait 10 is not 21",
}
UNPARSED = {
    "gave up without a value": WRONG + "wait",
    "backtrack last": WRONG + "wait 10 is not 21\nback to 3 3 4\n",
    "backtrack cut off": WRONG + "wait 10 is not 21\nback to 3",
    "backtrack from an answer": DIRECT + "back to 3 7\n",
    "step last": WRONG,
    "empty": "",
    "blank": " \n\n",
    "cut short": "3 + 4 = 7 left 3 7\n3 * 7 =",
    "answer not last": DIRECT + "That was easy.",
    "empty answer": "answer\n",
    "empty box": r"\boxed{}",
    "open box": r"\boxed{21",
    "hedged": r"\boxed{21 or 22}",
    "negated": r"\boxed{\neq 21}",
    "equation": "answer (3 + 4) * 3 = 21",
    "code": "answer __import__('os').system('true')",
    "power": "answer 3 ** 4 ** 3",
    "division by zero": "answer 4 / (3 - 3)",
    "endless number": "answer " + "9" * 5000,
    "wide digits": "answer \uff12\uff11",
}


@pytest.mark.parametrize("name", CORRECT)
def test_accepts(problem: Problem, name: str) -> None:
    verdict = VERIFIER.verify(problem, CORRECT[name])
    assert (verdict.status, verdict.answer, verdict.reason) == (Status.CORRECT, "21", "")


@pytest.mark.parametrize("name", CORRECT)
def test_strict_accepts_what_holds_no_illegal_line(problem: Problem, name: str) -> None:
    verdict = CountdownVerifier(VerifierParams(strict=True)).verify(problem, CORRECT[name])
    assert verdict.answer == "21"
    assert verdict.correct == all_legal(problem, CORRECT[name])
    assert verdict.correct != (name in ("illegal but abandoned", "expression after prose"))


@pytest.mark.parametrize("name", INCORRECT)
def test_rejects(problem: Problem, name: str) -> None:
    response, answer = INCORRECT[name]
    verdict = VERIFIER.verify(problem, response)
    assert (verdict.status, verdict.answer) == (Status.INCORRECT, answer)
    assert 0 < len(verdict.reason) < 80


@pytest.mark.parametrize("name", GAVE_UP)
def test_a_value_that_is_rejected_is_no_vote(problem: Problem, name: str) -> None:
    verdict = VERIFIER.verify(problem, GAVE_UP[name])
    assert (verdict.status, verdict.rejected) == (Status.INCORRECT, True)
    assert verdict.vote is None


@pytest.mark.parametrize("name", sorted(set(INCORRECT) - {"gave up", "gave up on a hit"}))
def test_another_wrong_value_is_a_vote(problem: Problem, name: str) -> None:
    response, answer = INCORRECT[name]
    assert VERIFIER.verify(problem, response).vote == answer


@pytest.mark.parametrize("name", UNPARSED)
def test_finds_no_answer(problem: Problem, name: str) -> None:
    verdict = VERIFIER.verify(problem, UNPARSED[name])
    assert (verdict.status, verdict.answer) == (Status.UNPARSED, None)


def test_the_readme_shows_a_correct_and_legal_response(
    game: Callable[[Sequence[int], int], Problem],
) -> None:
    readme = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    response = readme.split("```")[1].strip()
    assert VERIFIER.verify(game([3, 5, 8], 25), response).correct
    assert all_legal(game([3, 5, 8], 25), response)
    assert VERIFIER.verify(game([3, 5, 8], 25), "answer (8 - 3) * 5").correct


def test_steps_may_be_fractions_and_negative(game: Callable[[Sequence[int], int], Problem]) -> None:
    response = "1 / 2 = 1/2 left 1/2 5\n1/2 - 5 = -9/2 left -9/2\nanswer -9/2\n"
    verdict = VERIFIER.verify(game([1, 2, 5], -4), response)
    assert (verdict.answer, verdict.reason) == ("-9/2", "-9/2 is not -4")
    response = "4 - 6 = -2 left -2 8\n8 / -2 = -4 left -4\nanswer -4\n"
    assert VERIFIER.verify(game([4, 6, 8], -4), response).correct


@pytest.mark.parametrize(
    "metadata",
    [{}, {"numbers": [3]}, {"numbers": [], "target": 3}, {"numbers": ["3"], "target": 3}],
)
def test_an_unusable_reference_is_a_fault(metadata: dict[str, object]) -> None:
    verdict = VERIFIER.verify(Problem("p", "", "", metadata), "answer 3")
    assert verdict.status is Status.BAD_REFERENCE


@pytest.mark.parametrize("name", ["direct", "after a backtrack", "back to half way", "expression"])
def test_all_lines_legal(problem: Problem, name: str) -> None:
    assert all_legal(problem, CORRECT[name])


@pytest.mark.parametrize("name", ["illegal but abandoned", "expression after prose"])
def test_correct_with_an_illegal_line(problem: Problem, name: str) -> None:
    assert not all_legal(problem, CORRECT[name])


@pytest.mark.parametrize("name", sorted(set(INCORRECT) - {"gave up"}))
def test_illegal_lines_of_wrong_responses(problem: Problem, name: str) -> None:
    assert not all_legal(problem, INCORRECT[name][0])


def test_legal_without_an_answer_and_never_when_empty(problem: Problem) -> None:
    assert all_legal(problem, WRONG)
    assert all_legal(problem, INCORRECT["gave up"][0])
    assert not all_legal(problem, "")
    assert not all_legal(Problem("p", "", ""), DIRECT)


def test_a_return_cuts_the_path(problem: Problem) -> None:
    given_game = game_of(problem)
    assert given_game is not None
    walk = replay(given_game, (WRONG + "back to 3 3 4\n3 + 4 = 7 left 3 7").split("\n"))
    assert walk.path == (_list(3, 3, 4), _list(3, 7))


HOSTILE = {
    "nested brackets": "answer " + "(" * 90_000,
    "nested boxes": "\\boxed{" * 14_000,
    "a million characters": "answer 1" + "+1" * 500_000,
    "one long line": "1 " * 49_000,
    "many returns": "back to 3 3 4\n" * 7_000 + "answer 21",
    "a long list to return to": "back to " + "3 " * 45_000 + "\nanswer 21",
    "many steps": "3 + 4 = 7 left 3 7\nback to 3 3 4\n" * 3_000 + "answer 21",
    "long number": "3 + 4 = " + "7" * 90_000 + " left 3 7\nanswer 21",
    "separators": "\u2028\x0b\x1c\x85\u00a0" * 15_000 + "\nanswer 21",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_at_once(problem: Problem, name: str) -> None:
    started = time.perf_counter()
    verdict = VERIFIER.verify(problem, HOSTILE[name])
    assert not all_legal(problem, HOSTILE[name])
    assert time.perf_counter() - started < 1.0
    assert not verdict.correct


def test_the_length_bound_holds(problem: Problem) -> None:
    padded = "\n" * (MAX_CHARACTERS - len(DIRECT)) + DIRECT
    assert VERIFIER.verify(problem, padded).correct
    assert VERIFIER.verify(problem, "\n" + padded).status is Status.UNPARSED


LINES = st.sampled_from(
    [*DIRECT.splitlines(), *WRONG.splitlines(), "wait 10 is not 21", "back to 3 3 4", "back to 3 7"]
)
SHUFFLED = st.lists(LINES, max_size=8).map("\n".join)
GAME_TEXT = st.text("0123456789 +-*/=()\nleftbackowisnanswer\\{}", max_size=200)


@settings(max_examples=300, deadline=200)
@given(st.one_of(st.text(), GAME_TEXT, SHUFFLED))
def test_any_text_has_a_verdict(response: str) -> None:
    problem = Problem("p", "", "21", {"numbers": [3, 4, 3], "target": 21})
    verdict = VERIFIER.verify(problem, response)
    assert verdict.status in (Status.CORRECT, Status.INCORRECT, Status.UNPARSED)
    if verdict.correct:
        assert verdict.answer == "21"


numbers_of = st.lists(st.integers(1, 15), min_size=2, max_size=4)


@given(numbers_of, st.randoms(use_true_random=False))
def test_true_walks_are_accepted_and_untrue_ones_are_not(
    numbers: list[int], rng: random.Random
) -> None:
    lines, value, expression = _walk(numbers, rng)
    problem = Problem("p", "", str(value), {"numbers": numbers, "target": value})
    response = "".join(lines) + answer_line(value)
    assert VERIFIER.verify(problem, response).correct
    assert VERIFIER.verify(problem, f"answer {expression}").correct
    assert all_legal(problem, response)
    changed = rng.randrange(len(lines))
    lines[changed] = lines[changed].replace("= ", "= 1")
    assert not VERIFIER.verify(problem, "".join(lines) + answer_line(value)).correct
    assert not VERIFIER.verify(problem, f"answer {expression} + 1").correct


@given(numbers_of, st.randoms(use_true_random=False))
def test_an_abandoned_walk_does_not_matter(numbers: list[int], rng: random.Random) -> None:
    lines, value, _ = _walk(numbers, rng)
    wrong, missed, _ = _walk(numbers, rng)
    problem = Problem("p", "", str(value), {"numbers": numbers, "target": value})
    end = wait_line(missed, value) if missed != value else ""
    response = "".join([*wrong, end, back_line(tuple(numbers)), *lines, answer_line(value)])
    assert VERIFIER.verify(problem, response).correct
    assert all_legal(problem, response)


def _walk(numbers: Sequence[int], rng: random.Random) -> tuple[list[str], int, str]:
    """The lines of a random walk, the value it ends on, and the expression it amounts to."""
    remaining, lines = tuple(sorted(numbers)), list[str]()
    expressions = [(number, str(number)) for number in remaining]
    while len(remaining) > 1:
        move = rng.choice(legal_moves(remaining))
        remaining = apply(remaining, move)
        lines.append(step_line(move, remaining))
        operands = []
        for operand in (move.left, move.right):
            found = next(item for item in expressions if item[0] == operand)
            expressions.remove(found)
            operands.append(found[1])
        expressions.append((move.result, f"({operands[0]} {move.op} {operands[1]})"))
    return lines, remaining[0], expressions[0][1]


def _list(*numbers: int) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, numbers))


class TestConformance(VerifierConformance):
    name = "countdown"

    def cases(self) -> list[Case]:
        problem = Problem("p", "", "21", {"numbers": [3, 4, 3], "target": 21})
        refused = (response for response, _ in INCORRECT.values())
        wrong = (*refused, *GAVE_UP.values(), *UNPARSED.values())
        return [Case(problem, tuple(CORRECT.values()), wrong)]

    def stated(self, problem: Problem) -> str:  # noqa: ARG002
        return DIRECT


@pytest.mark.parametrize("answer", ["42/2", "42 / 2", "\\boxed{42/2}"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_division_of_the_numbers_given_is_no_fraction(answer: str, strict: bool) -> None:
    problem = Problem("p", "", "21", {"numbers": [2, 42], "target": 21})
    response = answer if answer.startswith("\\") else f"answer {answer}"
    assert CountdownVerifier(VerifierParams(strict=strict)).verify(problem, response).correct
