"""The value `reward_model`: which score of a response is its value."""

from __future__ import annotations

import pytest

from astro.builtin.reward_value import RewardValue, RewardValueParams, Rule, aggregate
from astro.errors import PolicyError
from astro.requests import Score
from astro.types import Problem, Prompt, State, Step

STEP_SCORES = {
    "A": [0.95, 0.55, 0.97, 0.97],
    "B": [0.6, 0.7, 0.99],
    "C": [0.72, 0.72],
    "D": [0.65],
}


@pytest.mark.parametrize(
    ("rule", "winner", "score"),
    [("last", "B", 0.99), ("min", "C", 0.72), ("prod", "D", 0.65), ("mean", "A", 0.86)],
)
def test_four_rules_have_four_winners(rule: Rule, winner: str, score: float) -> None:
    values = {name: aggregate(scores, rule) or 0.0 for name, scores in STEP_SCORES.items()}
    assert max(values, key=values.__getitem__) == winner
    assert values[winner] == pytest.approx(score)


def test_a_product_favors_short_responses() -> None:
    assert aggregate([0.9] * 2, "prod") == pytest.approx(0.81)
    assert aggregate([0.92] * 6, "prod") == pytest.approx(0.606355001)


@pytest.mark.parametrize("rule", ["last", "min", "prod", "mean"])
def test_no_step_has_no_value(rule: Rule) -> None:
    assert aggregate([], rule) is None


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_scores_are_probabilities(score: float) -> None:
    with pytest.raises(PolicyError, match=r"not in \[0, 1\]"):
        aggregate([0.5, score], "last")


def test_blank_steps_are_not_scored() -> None:
    problem = Problem("p", "q", "1")
    texts = ["a = 1\n", "\n", " \n", "b = 2\n"]
    states = [State(problem, tuple(map(Step, texts))), State(problem), State(problem, (Step(" "),))]
    program = RewardValue(RewardValueParams(aggregation="min")).estimate(states, seed=0)
    assert next(program) == [Score(Prompt("q"), ("a = 1\n", "b = 2\n"))]
    with pytest.raises(StopIteration) as stop:
        program.send([(0.25, 0.75)])
    assert stop.value.value == [0.25, None, None]


def test_nothing_is_asked_without_steps() -> None:
    program = RewardValue(RewardValueParams()).estimate([State(Problem("p", "q", "1"))], seed=0)
    with pytest.raises(StopIteration) as stop:
        next(program)
    assert stop.value.value == [None]
