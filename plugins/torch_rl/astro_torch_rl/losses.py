"""Advantages and losses of policy optimization, as pure functions of tensors.

Shapes: `B` sequences (or prompts, in `group_advantages`), `T` response tokens with padding, `G`
responses to one prompt, `V` tokens of the vocabulary. A mask `[B, T]` is 1 on the tokens of a
response, which are contiguous, and 0 elsewhere. Log-probabilities and entropies are in nats.

Sources: PPO, arXiv 1707.06347; GAE, arXiv 1506.02438; GRPO (DeepSeekMath), arXiv 2402.03300;
Dr. GRPO, arXiv 2503.20783; DAPO, arXiv 2503.14476; RLOO, arXiv 2402.14740; value clipping, arXiv
2005.12729; J. Schulman, "Approximating KL Divergence" (2020); truncated importance weights, Yao et
al., "Your Efficient RL Framework Secretly Brings You Off-Policy RL Training" (2025).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from astro_hf.params import KLEstimator
from astro_torch_rl.params import Aggregation

_STD_FLOOR = 1e-8
_VARIANCE_FLOOR = 1e-8


def group_advantages(
    rewards: Tensor, normalize_std: bool = False, leave_one_out: bool = False
) -> Tensor:
    """Return the advantages A_i = r_i - mean(r) within each group (Dr. GRPO), `[B, G]`.

    A reward that is unknown (NaN) is left out of its group, and its own advantage is 0.

    Args:
        rewards: One row per prompt, `[B, G]`.
        normalize_std: Divide by the group's standard deviation, computed with G - 1, as GRPO does
            (section 4.1.2). Dr. GRPO omits this because it gives more weight to prompts that are
            nearly always or nearly never solved.
        leave_one_out: Compute each baseline over the other G - 1 responses (RLOO), which scales
            r_i - mean(r) by G / (G - 1).

    Raises:
        ValueError: G is 1, and one of the options is set.
    """
    size = rewards.shape[1]
    if size < 2 and (normalize_std or leave_one_out):
        raise ValueError(f"a group of {size} has neither a deviation nor others to compare with")
    # In float64 the mean of equal float32 rewards is exact, so their advantages are 0.
    exact = rewards.double()
    known = ~exact.isnan()
    others = (known.sum(dim=1, keepdim=True) - 1).clamp(min=1)
    advantages = (exact - exact.nanmean(dim=1, keepdim=True)).where(known, 0.0)
    deviation = (advantages.square().sum(dim=1, keepdim=True) / others).sqrt()
    if leave_one_out:
        advantages = advantages * (others + 1) / others
    if normalize_std:
        advantages = advantages / (deviation + _STD_FLOOR)
    return advantages.to(rewards.dtype)


def overlong_penalty(length: int, max_tokens: int, buffer: int) -> float:
    """Return the share in [0, 1] of the soft overlong punishment (DAPO, equation 13).

    It is 0 up to `max_tokens - buffer` tokens and rises linearly to 1 at `max_tokens`, where a
    response is truncated.
    """
    return min(max((length - max_tokens + buffer) / buffer, 0.0), 1.0)


def token_rewards(rewards: Tensor, penalties: Tensor, mask: Tensor) -> Tensor:
    """Return r_it = -penalty_it, plus the reward of the response on its last token, `[B, T]`.

    Args:
        rewards: The reward of each response, `[B]`.
        penalties: The penalty of each token, such as its weighted KL, `[B, T]`.
        mask: The response tokens, `[B, T]`.
    """
    last = mask.cumsum(dim=1) == mask.sum(dim=1, keepdim=True)
    return torch.where(last, rewards.unsqueeze(1), 0.0) * mask - penalties * mask


def gae(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Return advantages A and returns R, both `[B, T]` and 0 outside the mask.

    delta_t = r_t + gamma V_(t+1) - V_t, A_t = delta_t + gamma lambda A_(t+1) and R_t = A_t + V_t
    (GAE, eq. 16). V and A are 0 after the last token of a response.

    Args:
        rewards: The reward of each token, `[B, T]`.
        values: The value of the prefix before each token, `[B, T]`.
        mask: The response tokens, `[B, T]`.
        gamma: The discount, in [0, 1].
        gae_lambda: The lambda of the estimator, in [0, 1].
    """
    values = values * mask
    advantages = torch.zeros_like(values)
    following = next_value = torch.zeros_like(values[:, 0])
    for t in reversed(range(values.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        following = (delta + gamma * gae_lambda * following) * mask[:, t]
        next_value = values[:, t]
        advantages[:, t] = following
    return advantages, advantages + values


def normalized(advantages: Tensor, mask: Tensor) -> Tensor:
    """Return advantages with mean 0 and variance 1 over the mask, and 0 outside it, `[B, T]`.

    The variance is computed with N, not N - 1.
    """
    count = mask.sum()
    centred = (advantages - (advantages * mask).sum() / count) * mask
    variance = centred.square().sum() / count
    return centred * variance.clamp(min=_VARIANCE_FLOOR).rsqrt()


def sequence_weights(lengths: Tensor, aggregation: Aggregation, max_length: int) -> Tensor:
    """Return the weight w_i of each token of sequence i, `[B]`; the loss is sum_i w_i sum_t l_it.

    - `token_mean`: 1 / sum_j |o_j|, so that all tokens have the same weight (DAPO, eq. 8).
    - `sequence_mean`: 1 / (B |o_i|), so that all responses have the same weight (GRPO, eq. 3).
    - `constant_length`: 1 / (B max_length), without a bias by length (Dr. GRPO).

    Args:
        lengths: The response lengths |o_i| >= 1 of *all* sequences of one optimizer step, `[B]`,
            so that the losses of its micro-batches add up to the loss of the step.
        aggregation: One of the three above.
        max_length: The largest possible length of a response, in tokens.
    """
    size = len(lengths)
    lengths = lengths.to(torch.float32)
    if aggregation == "token_mean":
        return torch.ones_like(lengths) / lengths.sum()
    if aggregation == "sequence_mean":
        return 1.0 / (size * lengths)
    return torch.full_like(lengths, 1.0 / (size * max_length))


@dataclass(frozen=True, slots=True)
class PolicyLoss:
    """The policy loss of a micro-batch.

    Attributes:
        loss: The loss to minimize, a scalar.
        clipped: The number of clipped tokens.
        kl: The sum over tokens of the KL estimate between the old and the new policy.
    """

    loss: Tensor
    clipped: Tensor
    kl: Tensor


def policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    *,
    weights: Tensor,
    clip_low: float,
    clip_high: float,
    importance: Tensor | None = None,
) -> PolicyLoss:
    """Compute the clipped surrogate loss (PPO, eq. 7) with the two bounds of DAPO (eq. 10).

    l_it = -c_it min(rho_it A_it, clip(rho_it, 1 - clip_low, 1 + clip_high) A_it), where
    rho_it = exp(logprobs_it - old_logprobs_it). A token counts as clipped if the clipped term is
    the smaller one, because it then has no gradient. The KL is the k3 estimate of KL(old || new),
    because the tokens were sampled from the old policy.

    Args:
        logprobs: Log-probabilities under the policy being trained, `[B, T]`.
        old_logprobs: Log-probabilities in the denominator of the ratio, detached, `[B, T]`.
        advantages: One per response, `[B]`, or one per token, `[B, T]`.
        mask: The response tokens, `[B, T]`.
        weights: The weight of each row's tokens from `sequence_weights`, `[B]`.
        clip_low: The ratio is clipped from below at 1 - `clip_low`.
        clip_high: The ratio is clipped from above at 1 + `clip_high`.
        importance: c from `importance_weights`, `[B, T]`; None for 1.
    """
    mask = mask.to(logprobs.dtype)
    advantages = advantages.unsqueeze(1) if advantages.ndim == 1 else advantages
    log_ratio = (logprobs - old_logprobs) * mask
    ratio = log_ratio.exp()
    surrogate = ratio * advantages
    bounded = ratio.clamp(1 - clip_low, 1 + clip_high) * advantages
    token_loss = -torch.minimum(surrogate, bounded)
    if importance is not None:
        token_loss = importance * token_loss
    return PolicyLoss(
        loss=weighted_sum(token_loss, mask, weights),
        clipped=((bounded < surrogate) * mask).sum(),
        kl=(kl_k3(old_logprobs, logprobs.detach()) * mask).sum(),
    )


def importance_weights(logprobs: Tensor, sampled_logprobs: Tensor, cap: float) -> Tensor:
    """Return c_it = min(pi_trainer / pi_sampler, cap) for each token, detached, `[B, T]`.

    These truncated importance weights (Yao et al.) correct for a sampler whose kernels or dtype
    give other probabilities than the trainer's.

    Args:
        logprobs: The trainer's log-probabilities, under the weights that sampled, `[B, T]`.
        sampled_logprobs: The sampler's log-probabilities, `[B, T]`.
        cap: The largest weight, > 0.
    """
    return (logprobs - sampled_logprobs).detach().exp().clamp(max=cap)


@dataclass(frozen=True, slots=True)
class ValueLoss:
    """The value loss of a micro-batch.

    Attributes:
        loss: The loss to minimize, a scalar.
        clipped: The number of tokens whose value has no gradient because it was clipped.
    """

    loss: Tensor
    clipped: Tensor


def value_loss(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    mask: Tensor,
    *,
    weights: Tensor,
    clip: float | None,
) -> ValueLoss:
    """Compute l_it = max((V - R)^2, (V_old + clip(V - V_old, -clip, clip) - R)^2) / 2.

    The clipping is described in arXiv 2005.12729.

    Args:
        values: V under the critic being trained, `[B, T]`.
        old_values: V before the first update on this batch, `[B, T]`.
        returns: R from `gae`, `[B, T]`.
        mask: The response tokens, `[B, T]`.
        weights: The weight of each row's tokens from `sequence_weights`, `[B]`.
        clip: The largest change of a value that counts; None for (V - R)^2 / 2 alone.
    """
    plain = (values - returns).square()
    bounded = plain
    if clip is not None:
        bounded = (old_values + (values - old_values).clamp(-clip, clip) - returns).square()
    return ValueLoss(
        loss=weighted_sum(0.5 * torch.maximum(plain, bounded), mask, weights),
        clipped=((bounded > plain) * mask).sum(),
    )


def weighted_sum(values: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """Return sum_i w_i sum_t m_it v_it for values and mask `[B, T]` and weights `[B]`, a scalar."""
    return ((values * mask).sum(dim=1) * weights).sum()


def kl_k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Estimate KL(p || q) as log p - log q per token sampled from p (Schulman's k1).

    It is unbiased and can be negative.
    """
    return logprobs - ref_logprobs


def kl_k2(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Estimate KL(p || q) as (log p - log q)^2 / 2 per token sampled from p (Schulman's k2).

    It is biased, never negative, and has a small variance.
    """
    return 0.5 * (logprobs - ref_logprobs).square()


def kl_k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Estimate KL(p || q) as q/p - 1 - log(q/p) per token sampled from p (Schulman's k3).

    It is unbiased and never negative (GRPO, eq. 4).
    """
    log_ratio = ref_logprobs - logprobs
    return log_ratio.expm1() - log_ratio


def kl_estimate(estimator: KLEstimator, logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Estimate KL(p || q) per token with the named estimator; the tokens were sampled from p."""
    return {"k1": kl_k1, "k2": kl_k2, "k3": kl_k3}[estimator](logprobs, ref_logprobs)


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy -sum_v p_v log p_v in nats of logits `[..., V]`, with shape `[...]`."""
    log_p = logits.log_softmax(dim=-1)
    return -(log_p.exp() * log_p).sum(dim=-1)
