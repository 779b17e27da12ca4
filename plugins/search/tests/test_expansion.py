from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, isfinite, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro.types import Completion, FinishReason
from astro_search.expansion import actions, softmax
from astro_search.params import Prior

Make = Callable[..., Completion]


def test_priors_are_the_policys_probabilities_among_the_distinct_steps(make_sample: Make) -> None:
    found = actions([make_sample("a\n", 0.3), make_sample("b\n", 0.1), make_sample("a\n", 0.3)])
    assert [action.step.text for action in found] == ["a\n", "b\n"]
    assert [action.prior for action in found] == pytest.approx([0.75, 0.25])
    assert found[0].step.token_ids == (7, 8)
    assert not found[0].ends


def test_without_logprobs_priors_are_the_counts() -> None:
    found = actions([Completion("a\n"), Completion("b\n"), Completion("a\n"), Completion("a\n")])
    assert [action.prior for action in found] == [0.75, 0.25]


def test_a_step_cut_by_the_token_limit_is_dropped(make_sample: Make) -> None:
    found = actions([make_sample("a", 0.5, FinishReason.LENGTH), make_sample("b\n", 0.1)])
    assert [(action.step.text, action.prior) for action in found] == [("b\n", 1.0)]
    assert actions([make_sample("a", 0.5, FinishReason.LENGTH)]) == []


def test_the_end_of_sequence_ends_the_response(make_sample: Make) -> None:
    assert actions([make_sample("", 0.5, FinishReason.EOS)])[0].ends


@given(st.lists(st.floats(-5000, 0), min_size=1))
def test_priors_sum_to_one_however_improbable_the_steps(logprobs: list[float]) -> None:
    assert sum(softmax(logprobs)) == pytest.approx(1.0)


def test_a_step_of_probability_0_takes_no_share_and_fails_nothing() -> None:
    never = Completion("n\n", (1, 2), (-0.5, -inf))
    found = actions([never, Completion("a\n", (3,), (-2.0,))])
    assert [(a.step.text, a.prior) for a in found] == [("n\n", 0.0), ("a\n", 1.0)]
    assert isfinite(found[0].step.logprob)
    assert [action.prior for action in actions([never])] == [1.0]


def step(text: str, logprob: float, tokens: int = 1) -> Completion:
    return Completion(text, (7,) * tokens, (logprob / tokens,) * tokens)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("policy", [0.999999983, 1.5e-08, 2e-09]),
        ("length_normalized", [0.237133523, 0.390967083, 0.371899394]),
        ("tempered", [0.768855703, 0.127090993, 0.104053304]),
        ("uniform", [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_rules_of_the_prior(rule: str, expected: list[float]) -> None:
    samples = [step("a\n", -2.0, 2), step("b\n", -20.0, 40), step("c\n", -22.0, 40)]
    found = actions(samples, Prior.model_validate({"name": rule, "temperature": 10.0}))
    assert [action.prior for action in found] == pytest.approx(expected, abs=1e-6)


def test_the_length_of_an_action_is_that_of_its_first_spelling() -> None:
    spellings = [step("a b\n", -2.0, 2), step("a  b\n", -3.0, 4), step("a b\n", -2.0, 2)]
    found = actions([*spellings, step("c\n", -4.0, 2)], Prior(name="length_normalized"))
    expected = softmax([log(exp(-2) + exp(-3)) / 2, -4.0 / 2])
    assert [action.prior for action in found] == pytest.approx(expected)


def test_a_temperature_near_zero_leaves_the_likeliest_step() -> None:
    samples = [step("a\n", -2.0), step("b\n", -20.0)]
    found = actions(samples, Prior(name="tempered", temperature=1e-310))
    assert [action.prior for action in found] == [1.0, 0.0]


def test_the_probability_of_an_action_is_the_sum_over_its_spellings() -> None:
    """0.2 + 0.1 + 0.05 for the first, 0.15 for the second; a spelling sampled twice counts once."""
    spellings = {"x = 2\n": 0.2, " x = 2\n": 0.1, "x = 2  \n": 0.05, "y = 3\n": 0.15}
    samples = [step(text, log(p)) for text, p in spellings.items()]
    found = actions([*samples, step(" x = 2\n", log(0.1))])
    assert [action.step.text for action in found] == ["x = 2\n", "y = 3\n"]
    assert [action.prior for action in found] == pytest.approx([0.7, 0.3])
