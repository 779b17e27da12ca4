"""Advantages of whole responses against arithmetic done by hand."""

from __future__ import annotations

import pytest
import torch

from astro.data.samples import TrainingSample
from astro_torch_rl.experience import CachedLogprobs
from astro_torch_rl.grpo import GroupAdvantage
from astro_torch_rl.params import GrpoParams, PpoParams
from astro_torch_rl.ppo import CriticAdvantage

LENGTHS = (2, 1, 3)
SEQUENCES = [
    TrainingSample.sampled((1,), (5,) * length, (-1.0,) * length, reward, group=group)
    for length, reward, group in zip(LENGTHS, (1.0, 0.0, 1.0), (0, 0, 1), strict=True)
]
NOTHING = CachedLogprobs([None] * 3, [None] * 3)
"""No policy was asked."""

KNOWN = CachedLogprobs(
    [torch.full((length,), -1.0) for length in LENGTHS],
    [torch.full((length,), -1.5) for length in LENGTHS],
)
"""Every token has a k1 of 1/2 to the start model."""


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_sampler_s_word_and_a_model_s_may_lie_on_two_devices() -> None:
    known = CachedLogprobs(
        KNOWN.old_logprobs, [row.cuda() for row in KNOWN.reference_logprobs if row is not None]
    )
    params = GrpoParams(kl=0.5, kl_in="reward")
    assert known.penalties(SEQUENCES, params)[0].tolist() == [0.25, 0.25]


def test_a_response_has_one_advantage_relative_to_its_own_group() -> None:
    found = GroupAdvantage(GrpoParams()).experience(SEQUENCES, NOTHING)
    assert [e.advantages.tolist() for e in found] == [[0.5, 0.5], [-0.5], [0.0, 0.0, 0.0]]
    assert [e.sequence for e in found] == SEQUENCES
    assert {e.old_logprobs for e in found} == {None}


def test_leave_one_out_and_the_deviation_are_options() -> None:
    pair = SEQUENCES[:2]
    known = CachedLogprobs([None] * 2, [None] * 2)
    left_out = GroupAdvantage(GrpoParams(leave_one_out=True)).experience(pair, known)
    assert [float(e.advantages[0]) for e in left_out] == [1.0, -1.0]
    by_std = GroupAdvantage(GrpoParams(normalize_std=True)).experience(pair, known)
    assert float(by_std[0].advantages[0]) == pytest.approx(0.5**0.5)


def test_kl_in_the_reward_is_taken_off_before_the_group_is_compared() -> None:
    # Rewards 1 - 2 * 0.1 * 0.5 = 0.9 and 0 - 1 * 0.1 * 0.5 = -0.05, mean 0.425.
    params = GrpoParams(kl=0.1, kl_in="reward", kl_estimator="k1")
    known = CachedLogprobs(KNOWN.old_logprobs[:2], KNOWN.reference_logprobs[:2])
    found = GroupAdvantage(params).experience(SEQUENCES[:2], known)
    assert found[0].advantages.tolist() == pytest.approx([0.475, 0.475])
    assert found[1].advantages.tolist() == pytest.approx([-0.475])


def test_kl_in_the_loss_leaves_the_rewards_alone() -> None:
    found = GroupAdvantage(GrpoParams(kl=0.1)).experience(SEQUENCES, KNOWN)
    assert found[0].advantages.tolist() == [0.5, 0.5]
    assert found[0].reference_logprobs is KNOWN.reference_logprobs[0]


def test_a_critic_gives_each_token_an_advantage_and_a_return() -> None:
    values = [torch.tensor([0.5, 0.25]), torch.tensor([1.0]), torch.tensor([0.0, 0.5, 1.0])]
    params = PpoParams(normalize_advantages=False, gae_lambda=0.5)
    found = CriticAdvantage(params).experience(SEQUENCES, NOTHING, values)
    # First: deltas -1/4, 3/4, so advantages -1/4 + 3/8 and 3/4. Third: deltas 1/2, 1/2, 0.
    expected = [[0.125, 0.75], [-1.0], [0.75, 0.5, 0.0]]
    assert [e.advantages.tolist() for e in found] == expected
    assert [e.returns.tolist() for e in found if e.returns is not None] == [
        [0.625, 1.0],
        [0.0],
        [0.75, 1.0, 1.0],
    ]
    assert all(e.values is row for e, row in zip(found, values, strict=True))


def test_a_critic_s_advantages_are_normalized_over_the_tokens_of_the_batch() -> None:
    values = [torch.zeros(length) for length in LENGTHS]
    found = CriticAdvantage(PpoParams()).experience(SEQUENCES, NOTHING, values)
    tokens = torch.cat([e.advantages for e in found])
    assert float(tokens.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(tokens.var(correction=0)) == pytest.approx(1.0, abs=1e-5)


def test_a_critic_s_rewards_pay_for_kl_token_by_token() -> None:
    params = PpoParams(kl=0.1, normalize_advantages=False)
    values = [torch.zeros(length) for length in LENGTHS]
    found = CriticAdvantage(params).experience(SEQUENCES, KNOWN, values)
    assert found[0].advantages.tolist() == pytest.approx([0.9, 0.95])
    assert found[2].advantages.tolist() == pytest.approx([0.85, 0.9, 0.95])
