"""The math of policy optimization, as pure functions of tensors.

Shapes: `B` sequences, or prompts where said so; `T` response tokens, padded; `G` responses to one
prompt. A mask `[B, T]` is 1 on a response's own tokens, which stand together, and 0 elsewhere.

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
    """A_i = r_i - mean(r), within each row of `rewards` `[B, G]`; the result has the same shape.

    `normalize_std` divides by the group's standard deviation (with G - 1), as GRPO does (section
    4.1.2); Dr. GRPO leaves it out, as it favors prompts that are nearly always or never solved.
    `leave_one_out` takes each baseline over the other G - 1 responses (RLOO), which scales
    r_i - mean(r) by G / (G - 1). Either needs G >= 2.
    """
    size = rewards.shape[1]
    if size < 2 and (normalize_std or leave_one_out):
        raise ValueError(f"a group of {size} has neither a deviation nor others to compare with")
    advantages = rewards - rewards.mean(dim=1, keepdim=True)
    if leave_one_out:
        advantages = advantages * size / (size - 1)
    if normalize_std:
        advantages = advantages / (rewards.std(dim=1, keepdim=True) + _STD_FLOOR)
    return advantages


def token_rewards(rewards: Tensor, penalties: Tensor, mask: Tensor) -> Tensor:
    """r_it = -penalty_it, and the response's reward on its last token; `[B, T]`.

    `rewards` `[B]` are the verifier's; `penalties` `[B, T]` such as the weighted KL of each token.
    """
    last = mask.cumsum(dim=1) == mask.sum(dim=1, keepdim=True)
    return torch.where(last, rewards.unsqueeze(1), 0.0) * mask - penalties * mask


def gae(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, `[B, T]` each, 0 off the mask (GAE eq. 16):

        delta_t = r_t + gamma V_(t+1) - V_t
        A_t = delta_t + gamma lambda A_(t+1),  R_t = A_t + V_t

    `rewards` and `values` are `[B, T]`; `values[:, t]` is V of what stands before token t. After a
    response's last token both V and A are 0.
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
    """`advantages` `[B, T]` less their mean over the mask, divided by their deviation (with N)."""
    count = mask.sum()
    centred = (advantages - (advantages * mask).sum() / count) * mask
    variance = centred.square().sum() / count
    return centred * variance.clamp(min=_VARIANCE_FLOOR).rsqrt()


def sequence_weights(lengths: Tensor, aggregation: Aggregation, max_length: int) -> Tensor:
    """The weight w_i of each token of sequence i, `[B]`, so that the loss is sum_i w_i sum_t l_it.

    `lengths` `[B]` are the response lengths |o_i| >= 1 of *all* sequences of one optimizer step, so
    that the losses of its micro-batches add up to the loss of the whole.

    - `token_mean`: 1 / sum_j |o_j| (DAPO eq. 8): every token counts alike.
    - `sequence_mean`: 1 / (B |o_i|) (GRPO eq. 3): every response counts alike.
    - `constant_length`: 1 / (B max_length) (Dr. GRPO): no bias by length.
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
    """A loss to minimise, and over the masked tokens: how many were clipped, and sum of KL."""

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
    """The clipped surrogate, PPO eq. 7 with DAPO's two bounds, eq. 10:

        l_it = -c_it min(rho_it A_it, clip(rho_it, 1 - clip_low, 1 + clip_high) A_it)
        rho_it = exp(logprobs_it - old_logprobs_it)

    Args:
        logprobs: of the policy being trained, `[B, T]`.
        old_logprobs: of the policy that is the ratio's denominator, without gradient, `[B, T]`.
        advantages: `[B]`, or `[B, T]` where each token has its own.
        mask: `[B, T]`.
        weights: `[B]`, from `sequence_weights`.
        importance: c, `[B, T]`, from `importance_weights`; 1 if left out.

    A token counts as clipped when the clipped term is the smaller one, where it has no gradient.
    The KL is k3 of KL(old || new), whose samples the tokens are.
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
    """c_it = min(pi_trainer / pi_sampler, cap) of each token, `[B, T]`, without gradient.

    It corrects for a sampler whose probabilities, computed by other kernels or in another type,
    are not the trainer's. `logprobs` are the trainer's of the weights that sampled.
    """
    return (logprobs - sampled_logprobs).detach().exp().clamp(max=cap)


@dataclass(frozen=True, slots=True)
class ValueLoss:
    """A loss to minimise, and how many masked values have no gradient for being clipped."""

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
    """l_it = max((V - R)^2, (V_old + clip(V - V_old, -clip, clip) - R)^2) / 2, all `[B, T]`.

    `weights` `[B]` are from `sequence_weights`. Without `clip` the first term stands alone.
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
    """sum_i weights_i sum_t mask_it values_it, of values `[B, T]` and weights `[B]`."""
    return ((values * mask).sum(dim=1) * weights).sum()


def kl_k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """log p - log q per token sampled from p: unbiased for KL(p || q), of either sign."""
    return logprobs - ref_logprobs


def kl_k2(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """(log p - log q)^2 / 2 per token: biased, never negative, small variance."""
    return 0.5 * (logprobs - ref_logprobs).square()


def kl_k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """q/p - 1 - log(q/p) per token sampled from p: unbiased and never negative (GRPO eq. 4)."""
    log_ratio = ref_logprobs - logprobs
    return log_ratio.expm1() - log_ratio


def kl_estimate(estimator: KLEstimator, logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """KL(p || q) per token, by the estimator of this name; p has sampled the tokens."""
    return {"k1": kl_k1, "k2": kl_k2, "k3": kl_k3}[estimator](logprobs, ref_logprobs)


def entropy(logits: Tensor) -> Tensor:
    """H = -sum_v p_v log p_v in nats, of logits `[..., V]`; the result is `[...]`."""
    log_p = logits.log_softmax(dim=-1)
    return -(log_p.exp() * log_p).sum(dim=-1)
