"""The string verifier: reads the final answer, and fails closed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro.builtin.exact import MAX_CHARACTERS, ExactVerifier, final_answer
from astro.testing import Case, VerifierConformance
from astro.types import Problem, Status

VERIFIER = ExactVerifier()


def problem(answer: str) -> Problem:
    return Problem("p", "?", answer)


@pytest.mark.parametrize(
    ("reference", "response"),
    [
        ("7", "\\boxed{7}"),
        ("7", "It was \\boxed{6}, no, \\boxed{7}."),
        ("7", "The answer is 7."),
        ("7", "the ANSWER IS: $7$\n"),
        ("\\frac{1}{2}", "so \\boxed{\\frac{1}{2}}"),
        ("x + 1", "\\boxed{ x  +\n1 }"),
        ("\\boxed", "the answer is \\boxed"),
    ],
)
def test_accepts(reference: str, response: str) -> None:
    assert VERIFIER.verify(problem(reference), response).correct


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("\\boxed{8}", "8"),
        ("\\boxed{7} or rather \\boxed{8}", "8"),
        ("the answer is not 7", "not 7"),
        ("<think>\\boxed{7}</think>\\boxed{8}", "8"),
        ("\\boxed{7}?</think>\nThe answer is 8.", "8"),
        ("the answer is 7\nthe answer is 8", "8"),
        ("\\boxed{7 or 8}", "7 or 8"),
    ],
)
def test_rejects(response: str, answer: str) -> None:
    verdict = VERIFIER.verify(problem("7"), response)
    assert (verdict.status, verdict.answer) == (Status.INCORRECT, answer)


@pytest.mark.parametrize(
    "response",
    [
        "<think>\\boxed{7}",
        "\\boxed{7}</think>",
        "",
        "7",
        "\\boxed{}",
        "\\boxed{7",
        "the answer is",
        "the answer isn't",
        "7" * MAX_CHARACTERS,
    ],
)
def test_finds_no_answer(response: str) -> None:
    assert VERIFIER.verify(problem("7"), response).status is Status.UNPARSED


def test_an_open_box_is_not_mended_by_earlier_words() -> None:
    response = "the answer is 7, so \\boxed{7} and \\boxed{7"
    assert VERIFIER.verify(problem("7"), response).status is Status.UNPARSED


def test_an_empty_reference_never_gives_a_reward() -> None:
    for reference in ("", " ", "$$"):
        assert VERIFIER.verify(problem(reference), "\\boxed{}").status is Status.BAD_REFERENCE


@given(st.text(alphabet="\\boxed{}answer is7\n ", max_size=200))
def test_reads_any_text(response: str) -> None:
    assert isinstance(final_answer(response), str)
    assert VERIFIER.verify(problem("7"), response).status is not Status.ERROR


def test_is_linear() -> None:
    started = time.perf_counter()
    for unit in ("\\boxed{", "{", "answer is ", "answer is: \n"):
        VERIFIER.verify(problem("7"), unit * (MAX_CHARACTERS // len(unit)))
    assert time.perf_counter() - started < 1.0


class TestConformance(VerifierConformance):
    name = "exact"

    def cases(self) -> list[Case]:
        return [Case(problem("7"), right=("\\boxed{7}",), wrong=("\\boxed{8}", "", "answer is"))]
