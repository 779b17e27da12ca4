"""How a number of samples is divided among states by their rewards."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from astro_search.expansion import softmax


def widths(rewards: Sequence[float], temperature: float, budget: int) -> list[int]:
    """Divide `budget` samples in proportion to exp(R / temperature); the parts sum to `budget`.

    REBASE (Wu et al. 2024, arXiv 2408.00724, section 3.2) rounds each share, and its parts need not
    sum to the budget. Here the samples that rounding down leaves over go to the largest remainders,
    the first of them if they are equal.
    """
    shares = [budget * share for share in softmax(rewards, temperature)]
    return largest_remainder(shares, budget)


def largest_remainder(shares: Sequence[float], total: int) -> list[int]:
    """Round `shares`, which sum to `total`, to whole numbers that sum to `total`."""
    parts = [floor(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: parts[i] - shares[i])
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts
