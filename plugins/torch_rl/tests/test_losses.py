"""Losses against arithmetic done by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from astro_torch_rl.losses import (
    PolicyLoss,
    ValueLoss,
    entropy,
    gae,
    group_advantages,
    importance_weights,
    kl_estimate,
    kl_k1,
    kl_k2,
    kl_k3,
    normalized,
    overlong_penalty,
    policy_loss,
    sequence_weights,
    token_rewards,
    value_loss,
)

REWARDS = torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
LN2 = math.log(2)


def clipped_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    weights: Tensor,
    *,
    clip_high: float = 0.2,
) -> PolicyLoss:
    """`policy_loss` with the ratio's bounds at 0.8 and 1 + `clip_high`."""
    return policy_loss(
        logprobs,
        old_logprobs,
        advantages,
        mask,
        weights=weights,
        clip_low=0.2,
        clip_high=clip_high,
    )


def test_advantages_are_rewards_less_their_group_mean() -> None:
    expected = [[0.75, -0.25, -0.25, -0.25], [0.0, 0.0, 0.0, 0.0]]
    assert group_advantages(REWARDS).tolist() == expected


def test_leave_one_out_compares_with_the_other_three() -> None:
    found = group_advantages(REWARDS[:1], leave_one_out=True)
    torch.testing.assert_close(found, torch.tensor([[1.0, -1 / 3, -1 / 3, -1 / 3]]))


def test_normalize_std_divides_by_the_sample_deviation() -> None:
    # The deviation of 1, 0, 0, 0 is sqrt((9/16 + 3/16) / 3) = 1/2; an all-equal group stays 0.
    found = group_advantages(REWARDS, normalize_std=True)
    torch.testing.assert_close(found[0], torch.tensor([1.5, -0.5, -0.5, -0.5]), atol=1e-5, rtol=0)
    assert found[1].tolist() == [0.0] * 4


@pytest.mark.parametrize("size", [3, 7, 8])
@pytest.mark.parametrize("reward", [0.35, 0.1, 1 / 3, 1e6 + 0.1])
def test_equal_rewards_have_no_advantage(reward: float, size: int) -> None:
    for leave_one_out in (False, True):
        found = group_advantages(torch.full((1, size), reward), True, leave_one_out)
        assert found.tolist() == [[0.0] * size]


def test_a_group_of_one_has_no_deviation() -> None:
    with pytest.raises(ValueError, match="group of 1"):
        group_advantages(torch.ones(2, 1), normalize_std=True)


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=16))
def test_advantages_sum_to_zero(rewards: list[float]) -> None:
    found = group_advantages(torch.tensor([rewards]))
    assert abs(float(found.sum())) < 1e-5


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("token_mean", [1 / 4, 1 / 4]),
        ("sequence_mean", [1 / 2, 1 / 6]),
        ("constant_length", [1 / 20, 1 / 20]),
    ],
)
def test_weights_of_a_short_and_a_long_response(aggregation: str, expected: list[float]) -> None:
    found = sequence_weights(torch.tensor([1, 3]), aggregation, max_length=10)  # type: ignore[arg-type]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_loss_of_an_unchanged_policy_is_minus_the_weighted_advantage() -> None:
    logprobs = torch.tensor([[-1.0, -2.0, 0.0], [-1.0, -1.0, -1.0]])
    mask = torch.tensor([[1, 0, 0], [1, 1, 1]])
    weights = torch.tensor([1 / 2, 1 / 6])
    found = clipped_loss(logprobs, logprobs, torch.tensor([1.0, -0.5]), mask, weights)
    assert found.loss.item() == pytest.approx(-(1.0 / 2) + 0.5 * 3 / 6)
    assert (float(found.clipped), float(found.kl)) == (0.0, 0.0)


def test_ratio_beyond_a_bound_is_clipped_only_where_it_would_gain() -> None:
    # Ratios 2, 2, 1/2, 1/2 with advantages +1, -1, +1, -1 and bounds 0.8 and 1.3:
    # min(2, 1.3), min(-2, -1.3), min(.5, .8), min(-.5, -.8) = 1.3, -2, .5, -.8, sum -1.
    logprobs = torch.tensor([[LN2, LN2, -LN2, -LN2]], requires_grad=True)
    advantages = torch.tensor([[1.0, -1.0, 1.0, -1.0]])
    ones = torch.ones(1, 4)
    found = clipped_loss(
        logprobs, torch.zeros(1, 4), advantages, ones, torch.ones(1), clip_high=0.3
    )
    assert found.loss.item() == pytest.approx(1.0)
    assert float(found.clipped) == 2.0
    # k3 at a ratio of 2 is 1 - ln 2, at 1/2 it is -1/2 + ln 2: the four add up to 1.
    assert float(found.kl) == pytest.approx(2 * (LN2 - 0.5) + 2 * (1 - LN2))
    found.loss.backward()
    assert logprobs.grad is not None
    torch.testing.assert_close(logprobs.grad, torch.tensor([[0.0, 2.0, -0.5, 0.0]]))


def test_the_measured_kl_is_that_of_the_policy_that_sampled() -> None:
    old, new = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.5, 0.3, 0.2])
    ones, none = torch.ones(1, 1), torch.zeros(1)
    by_token = [
        float(clipped_loss(q.log().view(1, 1), p.log().view(1, 1), none, ones, none).kl)
        for p, q in zip(old, new, strict=True)
    ]
    expected = float((old * torch.tensor(by_token)).sum())
    assert expected == pytest.approx(float((old * (old / new).log()).sum()), rel=1e-5)


def test_padding_cannot_reach_the_loss() -> None:
    logprobs = torch.tensor([[-1.0, 80.0]], requires_grad=True)
    old = torch.tensor([[-1.0, -80.0]])
    mask = torch.tensor([[1, 0]])
    found = clipped_loss(logprobs, old, torch.ones(1), mask, torch.ones(1))
    found.loss.backward()
    assert found.loss.item() == -1.0
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == [[-1.0, 0.0]]


def test_losses_of_micro_batches_add_up() -> None:
    generator = torch.Generator().manual_seed(0)
    logprobs, old = torch.randn(2, 6, 5, generator=generator) * 0.3
    advantages = torch.randn(6, generator=generator)
    lengths = torch.tensor([1, 2, 3, 4, 5, 5])
    mask = (torch.arange(5) < lengths[:, None]).float()
    weights = sequence_weights(lengths, "sequence_mean", 5)

    def loss(rows: slice) -> float:
        parts = (logprobs[rows], old[rows], advantages[rows], mask[rows], weights[rows])
        return float(clipped_loss(*parts).loss)

    assert loss(slice(0, 2)) + loss(slice(2, 6)) == pytest.approx(loss(slice(0, 6)), rel=1e-5)


def test_kl_estimators_at_a_ratio_of_two() -> None:
    p, q = torch.tensor(-1.0), torch.tensor(-1.0 - LN2)
    assert float(kl_k1(p, q)) == pytest.approx(LN2)
    assert float(kl_k2(p, q)) == pytest.approx(LN2**2 / 2)
    assert float(kl_k3(p, q)) == pytest.approx(0.5 - 1 + LN2)


def test_k1_and_k3_average_to_the_exact_kl() -> None:
    p, q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.5, 0.3, 0.2])
    exact = float((p * (p / q).log()).sum())
    assert float((p * kl_k1(p.log(), q.log())).sum()) == pytest.approx(exact)
    assert float((p * kl_k3(p.log(), q.log())).sum()) == pytest.approx(exact)


def test_entropy_of_a_fair_coin_and_of_certainty() -> None:
    found = entropy(torch.tensor([[3.0, 3.0, -1e9], [0.0, -1e9, -1e9]]))
    torch.testing.assert_close(found, torch.tensor([LN2, 0.0]))


def test_a_kl_estimate_is_known_by_its_name() -> None:
    p, q = torch.tensor([-1.0, -0.5]), torch.tensor([-1.5, -0.25])
    for name, estimator in (("k1", kl_k1), ("k2", kl_k2), ("k3", kl_k3)):
        assert torch.equal(kl_estimate(name, p, q), estimator(p, q))  # type: ignore[arg-type]


def test_the_reward_stands_on_the_last_token_and_penalties_on_each() -> None:
    mask = torch.tensor([[0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    found = token_rewards(torch.tensor([1.0, 0.5]), torch.full((2, 4), 0.25), mask)
    assert found.tolist() == [[0.0, -0.25, 0.75, 0.0], [0.25, 0.0, 0.0, 0.0]]


def test_advantages_and_returns_of_three_tokens_by_hand() -> None:
    # gamma 1/2, lambda 1/2, values 1, 2, 4, reward 8 at the end:
    # delta = 0 + 1 - 1, 0 + 2 - 2, 8 - 4 = 0, 0, 4; A = 1/4 * 1, 1/4 * 4, 4 = 1/4, 1, 4.
    rewards, values = torch.tensor([[0.0, 0.0, 8.0, 0.0]]), torch.tensor([[1.0, 2.0, 4.0, 9.0]])
    mask = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    advantages, returns = gae(rewards, values, mask, 0.5, 0.5)
    assert advantages.tolist() == [[0.25, 1.0, 4.0, 0.0]]
    assert returns.tolist() == [[1.25, 3.0, 8.0, 0.0]]


@given(st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=9), st.floats(0, 1, width=32))
def test_with_lambda_1_returns_are_the_discounted_rewards(
    values: list[float], gamma: float
) -> None:
    length = len(values)
    rewards = torch.linspace(-1, 1, length)[None]
    _, returns = gae(rewards, torch.tensor([values]), torch.ones(1, length), gamma, 1.0)
    for t in range(length):
        expected = sum(gamma ** (s - t) * float(rewards[0, s]) for s in range(t, length))
        assert float(returns[0, t]) == pytest.approx(expected, abs=1e-4)


def test_with_lambda_0_the_advantage_is_the_temporal_difference() -> None:
    generator = torch.Generator().manual_seed(0)
    rewards, values = torch.randn(2, 3, 5, generator=generator)
    advantages, _ = gae(rewards, values, torch.ones(3, 5), 0.9, 0.0)
    following = torch.cat([values[:, 1:], torch.zeros(3, 1)], dim=1)
    torch.testing.assert_close(advantages, rewards + 0.9 * following - values)


def test_normalized_advantages_have_mean_0_and_variance_1_on_the_mask() -> None:
    mask = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    found = normalized(torch.tensor([[1.0, 2.0, 50.0], [3.0, 6.0, -50.0]]), mask)
    # Of 1, 2, 3, 6: mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5.
    expected = torch.tensor([[-2.0, -1.0, 0.0], [0.0, 3.0, 0.0]]) / math.sqrt(3.5)
    torch.testing.assert_close(found, expected)
    assert not normalized(torch.ones(1, 3), torch.ones(1, 3)).any()


def test_importance_weights_are_ratios_up_to_their_cap_without_gradient() -> None:
    trainer = torch.tensor([[0.0, LN2, 3 * LN2]], requires_grad=True)
    found = importance_weights(trainer, torch.tensor([[LN2, 0.0, 0.0]]), cap=4.0)
    torch.testing.assert_close(found, torch.tensor([[0.5, 2.0, 4.0]]))
    assert not found.requires_grad


def test_importance_weighs_the_loss_of_each_token() -> None:
    logprobs, ones = torch.zeros(1, 2), torch.ones(1, 2)
    found = policy_loss(
        logprobs,
        logprobs,
        torch.ones(1),
        ones,
        weights=torch.ones(1),
        clip_low=0.2,
        clip_high=0.2,
        importance=torch.tensor([[0.5, 2.0]]),
    )
    assert found.loss.item() == -2.5


def of_values(clip: float | None, values: Tensor) -> ValueLoss:
    old, returns = torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, -1.0]])
    mask = torch.tensor([[1.0, 1.0, 1.0]])
    return value_loss(values, old, returns, mask, weights=torch.ones(1), clip=clip)


def test_a_value_that_moved_past_the_clip_has_no_gradient() -> None:
    # Values 0.1, 0.5, 0.5 from 0, clipped to 0.2: squares .81, .25, 2.25 plain and .81, .64, 1.44
    # clipped. The larger count: the second, nearer to its return than the clip allows, is clipped.
    values = torch.tensor([[0.1, 0.5, 0.5]], requires_grad=True)
    found = of_values(0.2, values)
    assert found.loss.item() == pytest.approx((0.81 + 0.64 + 2.25) / 2)
    assert float(found.clipped) == 1.0
    found.loss.backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, torch.tensor([[-0.9, 0.0, 1.5]]))


def test_without_a_clip_the_value_loss_is_half_the_square() -> None:
    found = of_values(None, torch.tensor([[0.1, 0.5, 0.5]]))
    assert found.loss.item() == pytest.approx((0.81 + 0.25 + 2.25) / 2)
    assert float(found.clipped) == 0.0


@pytest.mark.parametrize("options", [{}, {"normalize_std": True}, {"leave_one_out": True}])
def test_an_unknown_reward_is_left_out_of_its_group(options: dict[str, bool]) -> None:
    found = group_advantages(torch.tensor([[1.0, math.nan, 0.0, 0.0]]), **options)
    rest = group_advantages(torch.tensor([[1.0, 0.0, 0.0]]), **options)
    assert found[0, 1] == 0
    assert torch.allclose(found[:, [0, 2, 3]], rest)


@pytest.mark.parametrize(
    ("length", "share"), [(0, 0.0), (96, 0.0), (112, 0.25), (128, 0.5), (159, 63 / 64), (160, 1.0)]
)
def test_the_soft_overlong_punishment_rises_over_the_buffer(length: int, share: float) -> None:
    assert overlong_penalty(length, max_tokens=160, buffer=64) == share
