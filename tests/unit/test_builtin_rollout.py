"""Value `rollout`: what says nothing about a state is left out of its value."""

from __future__ import annotations

import pytest

from astro.builtin.rollout import Rollout, RolloutParams
from astro.requests import BudgetExhausted, Verify
from astro.types import Completion, FinishReason, Problem, State, Status, Verdict

STATE = State(Problem("p", "q", "1"))
RIGHT, WRONG = Status.CORRECT, Status.INCORRECT


@pytest.mark.parametrize(
    ("statuses", "value"),
    [
        ([RIGHT, RIGHT, Status.TIMEOUT, Status.ERROR], 1.0),
        ([RIGHT, WRONG, Status.UNPARSED, Status.BAD_REFERENCE], 1 / 3),
        ([WRONG, WRONG, WRONG, WRONG], 0.0),
        ([Status.TIMEOUT] * 4, None),
    ],
)
def test_a_fault_is_no_wrong_rollout(statuses: list[Status], value: float | None) -> None:
    program = Rollout(RolloutParams(rollouts=4)).estimate([STATE], 0)
    next(program)
    program.send([[Completion("a")] * 4])
    with pytest.raises(StopIteration) as stop:
        program.send([Verdict(status) for status in statuses])
    assert stop.value.value == [value]


@pytest.mark.parametrize(
    ("text", "reason", "verified"),
    [
        ("x = 2\nThe answer is 1", FinishReason.LENGTH, "x = 2\n"),
        ("The answer is 1", FinishReason.LENGTH, ""),
        ("The answer is 1\nNext", FinishReason.LENGTH, "The answer is 1\n"),
        ("The answer is 1", FinishReason.EOS, "The answer is 1"),
    ],
)
def test_a_line_that_the_limit_cut_off_is_not_judged(
    text: str, reason: FinishReason, verified: str
) -> None:
    program = Rollout(RolloutParams(rollouts=1)).estimate([STATE], 0)
    next(program)
    (verify,) = program.send([[Completion(text, finish_reason=reason)]])
    assert isinstance(verify, Verify)
    assert verify.response == verified


def test_rollouts_that_a_budget_paid_for_are_counted() -> None:
    program = Rollout(RolloutParams(rollouts=4)).estimate([STATE, STATE], 0)
    next(program)
    verifies = program.throw(BudgetExhausted([[Completion("a")] * 2, []]))
    assert len(verifies) == 2
    with pytest.raises(StopIteration) as stop:
        program.send([Verdict(RIGHT), Verdict(WRONG)])
    assert stop.value.value == [0.5, None]
