"""Weights, draws, widths, posteriors and stopping rules, worked by hand."""

from __future__ import annotations

from math import sqrt
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_search.allotment import largest_remainder, widths
from astro_search.posteriors import Beta, NormalInverseChiSquared
from astro_search.resampling import effective_size, multinomial, odds, systematic
from astro_search.stopping import cannot_be_caught, leader_probability


def test_odds_are_the_softmax_of_the_logit() -> None:
    """1, 4, 1/4 and 9 of 14.25; the softmax of the bare rewards would hardly select."""
    probabilities = odds([0.5, 0.8, 0.2, 0.9])
    assert probabilities == pytest.approx([1 / 14.25, 4 / 14.25, 0.25 / 14.25, 9 / 14.25])
    assert systematic(probabilities, 4, 0.16) == [0, 1, 3, 3]
    assert multinomial(probabilities, [0.05, 0.36, 0.9, 0.35]) == [0, 2, 3, 1]
    assert effective_size(probabilities) == pytest.approx(2.070745698)


def test_rewards_of_0_and_1_have_finite_weights() -> None:
    assert odds([0.0, 1.0, 0.5]) == pytest.approx([0.0, 0.999999, 1e-6], abs=1e-9)


@pytest.mark.parametrize("reward", [0.0, 0.3, 1.0])
def test_equal_rewards_keep_every_particle_once(reward: float) -> None:
    probabilities = odds([reward] * 4)
    assert probabilities == pytest.approx([0.25] * 4)
    assert systematic(probabilities, 4, 0.5) == [0, 1, 2, 3]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 0.999999))
def test_a_systematic_draw_differs_from_its_share_by_less_than_one(
    rewards: list[float], uniform: float
) -> None:
    probabilities = odds(rewards)
    drawn = systematic(probabilities, len(rewards), uniform)
    for i, probability in enumerate(probabilities):
        assert abs(drawn.count(i) - len(rewards) * probability) < 1 + 1e-6


@pytest.mark.parametrize(
    ("rewards", "temperature", "budget", "expected"),
    [
        ([0.9, 0.5, 0.1], 0.2, 8, [7, 1, 0]),
        ([0.4, 0.4, 0.4], 0.1, 4, [2, 1, 1]),
        ([0.83, 0.75, 0.62], 0.1, 14, [9, 4, 1]),
        ([0.9, 0.1], 1e-9, 5, [5, 0]),
        ([0.1, 0.9, 0.9], 1e-310, 5, [0, 3, 2]),
    ],
)
def test_widths(rewards: list[float], temperature: float, budget: int, expected: list[int]) -> None:
    assert widths(rewards, temperature, budget) == expected


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.001, 10), st.integers(0, 500)
)
def test_widths_sum_to_the_budget(rewards: list[float], temperature: float, budget: int) -> None:
    assert sum(widths(rewards, temperature, budget)) == budget


def test_the_first_of_equal_remainders_gets_the_rest() -> None:
    assert largest_remainder([1.5, 0.5, 1.0], 3) == [2, 0, 1]


def test_beta_counts_a_reward_as_a_share_of_a_success() -> None:
    posterior = Beta()
    for reward in (0.6, 0.2):
        posterior.observe(reward)
    assert (posterior.a, posterior.b) == pytest.approx((1.3, 1.7))


def test_normal_inverse_chi_squared() -> None:
    """m = (0 + 0.6 + 0.4) / 3; nu tau2 = 0.1 + 0.02 + 2/3 * 0.25, all over nu = 3."""
    posterior = NormalInverseChiSquared()
    for reward in (0.6, 0.4):
        posterior.observe(reward)
    assert posterior.m == pytest.approx(1 / 3)
    assert (posterior.kappa, posterior.nu) == (3, 3)
    assert posterior.tau2 == pytest.approx((0.1 + 0.02 + 2 / 3 * 0.25) / 3)


@pytest.mark.parametrize(
    "posterior", [Beta(30.0, 10.0), NormalInverseChiSquared(0.75, 40, 40, 0.1)]
)
def test_draws_have_the_mean_of_the_posterior(posterior: Beta) -> None:
    rng = Random(0)
    draws = [posterior.draw(rng) for _ in range(4000)]
    assert sum(draws) / len(draws) == pytest.approx(0.75, abs=0.01)


def test_the_leader_cannot_be_caught_only_if_no_tie_is_possible() -> None:
    votes = ["A", "A", "B", "A", "A", "B", "B"]
    stops = [
        cannot_be_caught([votes[:n].count("A"), votes[:n].count("B")], len(votes) - n)
        for n in range(1, 8)
    ]
    assert stops.index(True) == 4
    assert not cannot_be_caught([], 3)


def test_the_probability_of_a_leader_without_rivals() -> None:
    """1 - 2^-(k+1) after k votes: above 0.95 after four."""
    after = [leader_probability([n]) for n in range(1, 6)]
    assert after == pytest.approx([0.75, 0.875, 0.9375, 0.96875, 0.984375])


def test_the_probability_of_a_leader_among_many_votes() -> None:
    """By the normal approximation to the binomial, it is Phi(100 / sqrt(19901))."""
    expected = NormalDist().cdf(100 / sqrt(19_901))
    assert leader_probability([10_000, 9_900]) == pytest.approx(expected, abs=1e-5)
    assert leader_probability([3, 3]) == pytest.approx(0.5)
    assert leader_probability([]) == pytest.approx(0.5)
