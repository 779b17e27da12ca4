"""Weights of particles and the draws by which they are resampled."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

_CLIP = 1e-6
"""Rewards are clipped to [_CLIP, 1 - _CLIP], so that their odds are finite and positive."""


def odds(rewards: Sequence[float]) -> list[float]:
    """Return probabilities proportional to r / (1 - r), which sum to 1.

    This is the softmax of logit(r), by which particle filtering weighs the rewards in [0, 1] of a
    reward model (Puri et al. 2025, arXiv 2502.01618, algorithm 1).
    """
    clipped = [min(max(reward, _CLIP), 1.0 - _CLIP) for reward in rewards]
    weights = [reward / (1.0 - reward) for reward in clipped]
    total = sum(weights)
    return [weight / total for weight in weights]


def systematic(probabilities: Sequence[float], n: int, uniform: float) -> list[int]:
    """Draw `n` indices at the positions (i + uniform) / n of the cumulative probabilities.

    The number of draws of an index differs from n p by less than 1, so that equal probabilities
    keep every index once (Kitagawa 1996). `uniform` is in [0, 1).
    """
    return multinomial(probabilities, [(i + uniform) / n for i in range(n)])


def multinomial(probabilities: Sequence[float], uniforms: Sequence[float]) -> list[int]:
    """Draw one index for each of `uniforms`, which are in [0, 1)."""
    bounds = list(accumulate(probabilities))
    last = len(probabilities) - 1
    return [min(bisect_right(bounds, uniform), last) for uniform in uniforms]


def effective_size(probabilities: Sequence[float]) -> float:
    """Return 1 / sum_i p_i^2, between 1 and their number (Kong, Liu and Wong 1994)."""
    return 1.0 / sum(probability**2 for probability in probabilities)
