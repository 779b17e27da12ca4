"""When the vote over independent responses is decided."""

from __future__ import annotations

from typing import Any

import pytest

from astro.requests import Generate, Request, Verify
from astro.types import Completion, FinishReason, Problem, SearchTree, State, Status, Verdict
from astro_search.best_of_n import BestOfN
from astro_search.params import SelfConsistencyParams

EQUAL = {"1/2": 0.5, "0.5": 0.5, "0.50": 0.5}


class Ends:
    """Every step is a whole response."""

    stop = ("\n",)

    def is_terminal(self, state: State) -> bool:  # noqa: ARG002
        return True


def drive(answers: list[str], verdicts: bool = True, **params: Any) -> tuple[SearchTree, int]:
    """Run a search whose responses are `answers` in turn; returns how many were sampled."""
    left = iter(answers)
    sampled = 0

    def reply(request: Request) -> Any:
        nonlocal sampled
        if isinstance(request, Generate):
            sampled += request.n
            texts = [next(left) + "\n" for _ in range(request.n)]
            return [Completion(text, (1,), (-1.0,), FinishReason.STOP) for text in texts]
        assert isinstance(request, Verify)
        if not (verdicts or request.comparison):
            return None
        answer = request.response.strip().removeprefix("\\boxed{").removesuffix("}")
        reference = request.problem.answer
        if answer == "?":
            return Verdict(Status.UNPARSED)
        if answer.startswith("not "):
            return Verdict(Status.INCORRECT, answer.removeprefix("not "), rejected=True)
        same = EQUAL.get(answer, answer) == EQUAL.get(reference, reference)
        return Verdict(Status.CORRECT if same else Status.INCORRECT, answer)

    given = SelfConsistencyParams(**{"at_once": 1, "samples": len(answers), **params})
    search = BestOfN(given, value=None, step_format=Ends())  # type: ignore[arg-type]
    program = search.search(Problem("p", "q", "7"), seed=0)
    batch = next(program)
    while True:
        try:
            batch = program.send([reply(request) for request in batch])
        except StopIteration as stop:
            return stop.value, sampled


@pytest.mark.parametrize("verdicts", [True, False])
def test_four_equal_answers_decide_the_vote(verdicts: bool) -> None:
    tree, sampled = drive(["5"] * 8, verdicts)
    assert sampled == 4
    assert tree.ended == "enough"


def test_a_leader_that_can_be_caught_is_not_decided() -> None:
    """3 against 1 with 3 left can be caught; 4 against 1 with 2 left cannot."""
    _, sampled = drive(["A", "A", "B", "A", "A", "B", "B"], stop="cannot_be_caught")
    assert sampled == 5


@pytest.mark.parametrize("verdicts", [True, False])
def test_equivalent_answers_are_one_class(verdicts: bool) -> None:
    answers = ["1/2", "0.5", "0.50", "2", "0.5"]
    assert drive(answers, verdicts, stop="cannot_be_caught")[1] == 3


def test_a_response_without_an_answer_counts_as_spent() -> None:
    _, sampled = drive(["?", "A", "?", "A"], stop="cannot_be_caught")
    assert sampled == 4


@pytest.mark.parametrize("verdicts", [True, False])
def test_rejected_answers_decide_nothing(verdicts: bool) -> None:
    _, sampled = drive(["not 5"] * 4 + ["6"], verdicts, stop="cannot_be_caught")
    assert sampled == 5


def test_without_a_rule_all_are_sampled() -> None:
    tree, sampled = drive(["5"] * 8, stop=None)
    assert sampled == 8
    assert tree.ended == "finished"
    assert tree.nodes[1].visit_count == 8
