"""Sampling as pure functions of logits and seeds. Random numbers do not depend on the batch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

_GAMMA = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_LOGITS = 1 << 22
"""The number of logits that are sampled from at once; bounds the memory of their float64."""


def sample_key(seed: int, index: int) -> int:
    """Return the 64-bit key of the random numbers of sample `index` of a request with `seed`."""
    return _mix(_mix(seed & _MASK) + (index + 1) * _GAMMA)


def uniforms(keys: NDArray[np.uint64], positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each key and position, `[B]`.

    This is SplitMix64 as a counter-based generator. Source: Steele, Lea, Flood, "Fast splittable
    pseudorandom number generators", 2014.
    """
    z = keys + (positions.astype(np.uint64) + np.uint64(1)) * np.uint64(_GAMMA)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    drawn: NDArray[np.float64] = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return drawn


def sample(
    logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor
) -> tuple[Tensor, Tensor]:
    """Return tokens `[B]`, and their natural log-probabilities at temperature 1, `[B]`.

    The cumulative distribution is inverted in float64, so the different rounding of another batch
    shape changes a token only if `uniform` lies within about 1e-6 of a boundary.

    Args:
        logits: `[B, V]`.
        temperature: `[B]`, float64, >= 0. Temperature 0 takes the most probable token.
        top_p: `[B]`, float64, in (0, 1].
        uniform: Random numbers in [0, 1), `[B]`, float64.
    """
    rows = sampled_at_once(logits.shape[1])
    parts = (part.split(rows) for part in (logits, temperature, top_p, uniform))
    drawn = [_sample(*part) for part in zip(*parts, strict=True)]
    tokens, logprobs = zip(*drawn, strict=True)
    return torch.cat(tokens), torch.cat(logprobs)


def sampled_at_once(vocabulary: int) -> int:
    """Return the number of rows that are sampled from at once."""
    return max(1, _LOGITS // vocabulary)


def _sample(
    logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor
) -> tuple[Tensor, Tensor]:
    """Do as `sample` does, with all rows at once."""
    logits = logits.float()
    greedy = temperature == 0
    if bool(greedy.all()):
        tokens = logits.argmax(-1)
    else:
        scale = torch.where(greedy, 1.0, temperature)
        probs = torch.softmax(logits.double() / scale[:, None], -1)
        if bool((top_p < 1).any()):
            probs = nucleus(probs, top_p)
        tokens = invert_cdf(probs, uniform)
        if bool(greedy.any()):
            tokens = torch.where(greedy, logits.argmax(-1), tokens)
    chosen = logits.gather(1, tokens[:, None])[:, 0]
    return tokens, chosen - logits.logsumexp(-1)


def invert_cdf(probs: Tensor, uniform: Tensor) -> Tensor:
    """Return the token at quantile `uniform` `[B]` of `probs` `[B, V]`, which need not sum to 1."""
    cdf = probs.cumsum(-1)
    target = (uniform * cdf[:, -1])[:, None]
    return torch.searchsorted(cdf, target, right=True)[:, 0].clamp_(max=probs.shape[1] - 1)


def nucleus(probs: Tensor, top_p: Tensor) -> Tensor:
    """Return `probs` `[B, V]` with 0 outside the smallest set of tokens with mass `top_p` `[B]`.

    Source: Holtzman et al., "The curious case of neural text degeneration", 2020, eq. 2.
    """
    ordered, order = probs.sort(dim=-1, descending=True, stable=True)
    before = pad(ordered.cumsum(-1)[:, :-1], (1, 0))
    ordered = ordered.masked_fill(before >= top_p[:, None], 0.0)
    return torch.zeros_like(probs).scatter_(1, order, ordered)


def _mix(z: int) -> int:
    z &= _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)
