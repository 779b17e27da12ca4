"""Rules by which a vote is over before all responses are sampled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def cannot_be_caught(counts: Sequence[int], remaining: int) -> bool:
    """Whether the leader stays ahead whatever the `remaining` samples answer.

    At equality a tie is still possible, so the vote goes on. `counts` are the votes of each answer.
    """
    leader, second = _two_largest(counts)
    return leader > second + remaining


def leader_probability(counts: Sequence[int]) -> float:
    """Return the probability that the leader is the majority answer, by the two largest counts.

    With v1 >= v2 votes and a uniform prior, the leader's share p of both has the posterior
    Beta(v1 + 1, v2 + 1), and the probability is P(p > 1/2). Sampling stops once it exceeds a
    threshold (Aggarwal et al. 2023, arXiv 2305.11860, section 3, which proposes 0.95).
    """
    leader, second = _two_largest(counts)
    n = leader + second + 1
    binomials = accumulate(range(leader), lambda c, k: c * (n - k) // (k + 1), initial=1)
    return float(sum(binomials) / 2**n)


def _two_largest(counts: Sequence[int]) -> tuple[int, int]:
    first, second, *_ = (*sorted(counts, reverse=True), 0, 0)
    return first, second
