"""Votes over classes of answers, worked by hand."""

from __future__ import annotations

import pytest

from astro.engine.selection import AnswerCandidate, SelectionRule, select_answer
from astro.errors import PolicyError

VOTES = [0, 1, 0, 0, 1, None, 1]
REWARDS = [0.9, 0.6, 0.2, 0.4, 0.5, 0.99, 0.3]
SEVEN = [AnswerCandidate(v, reward=r) for v, r in zip(VOTES, REWARDS, strict=True)]


def test_rewards_decide_where_counts_are_equal() -> None:
    """1/2, 0.5 and \\frac12 have 0.9 + 0.2 + 0.4, and 2, 2.0 and 2 have 0.6 + 0.5 + 0.3."""
    chosen = select_answer(SEVEN, "weighted")
    assert chosen is not None
    assert chosen.vote == 0
    assert chosen.weights == pytest.approx({0: 1.5, 1: 1.4})
    assert chosen.confidence.value == pytest.approx(0.517241379)


def test_the_share_of_a_majority_is_that_of_all_responses() -> None:
    chosen = select_answer(SEVEN, "majority")
    assert chosen is not None
    assert chosen.weights == {0: 3, 1: 3}
    assert chosen.confidence.value == pytest.approx(3 / 7)
    assert chosen.confidence.low == pytest.approx(0.158219854, abs=1e-6)
    assert chosen.confidence.high == pytest.approx(0.749541637, abs=1e-6)


def test_a_response_without_an_answer_takes_no_part() -> None:
    chosen = select_answer(SEVEN, "best")
    assert chosen is not None
    assert (chosen.vote, chosen.candidate) == (0, 0)


def test_a_log_probability_is_normalized_by_length() -> None:
    """exp(-0.5) for B; exp(-0.25) + exp(-0.5) for A, whose responses are long."""
    responses = [(1, -1.0, 2), (0, -2.0, 8), (0, -50.0, 100)]
    candidates = [AnswerCandidate(v, logprob=p, tokens=n) for v, p, n in responses]
    chosen = select_answer(candidates, "logprob")
    assert chosen is not None
    assert chosen.vote == 0
    assert chosen.weights == pytest.approx({0: 1.385331443, 1: 0.60653066})
    assert chosen.candidate == 1


def test_a_path_has_as_many_votes_as_samples() -> None:
    counted = [AnswerCandidate(2, 5), AnswerCandidate(3, 1), AnswerCandidate(7, 2)]
    chosen = select_answer(counted, "majority")
    assert chosen is not None
    assert chosen.vote == 2
    assert chosen.weights == {2: 5, 3: 1, 7: 2}
    assert chosen.confidence.value == 0.625


def test_unknown_rewards_count_as_the_mean_of_the_others() -> None:
    candidates = [AnswerCandidate(0, reward=0.4), AnswerCandidate(1), AnswerCandidate(1)]
    chosen = select_answer(candidates, "weighted")
    assert chosen is not None
    assert chosen.weights == pytest.approx({0: 0.4, 1: 0.8})


@pytest.mark.parametrize("rule", ["majority", "weighted", "logprob", "best"])
def test_rewards_of_zero_choose_by_count(rule: str) -> None:
    candidates = [AnswerCandidate(vote, reward=0.0) for vote in (0, 1, 1)]
    chosen = select_answer(candidates, rule)  # type: ignore[arg-type]
    assert chosen is not None
    assert chosen.vote == 1
    assert 0.0 <= chosen.confidence.low <= chosen.confidence.high <= 1.0


@pytest.mark.parametrize("reward", [-1.0, 1.5, float("nan")])
@pytest.mark.parametrize("rule", ["weighted", "best"])
def test_a_reward_that_is_no_weight_is_refused(rule: SelectionRule, reward: float) -> None:
    """With a sum of logits, each further vote would count against its own answer."""
    candidates = [AnswerCandidate(0, reward=reward), AnswerCandidate(1, reward=0.5)]
    with pytest.raises(PolicyError, match=r"not in \[0, 1\]"):
        select_answer(candidates, rule)
    assert select_answer(candidates, "majority") is not None


def test_without_an_answer_there_is_no_choice() -> None:
    assert select_answer([], "majority") is None
    assert select_answer([AnswerCandidate(None, reward=1.0)], "best") is None
