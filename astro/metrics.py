"""Evaluation metrics with confidence intervals that are clustered by problem."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import correlation, fmean

Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric and the bounds of its 95 % confidence interval."""

    value: float
    low: float
    high: float


def ratio(
    totals: Sequence[float], counts: Sequence[float], bound: float | None = 1.0
) -> Estimate | None:
    """sum(totals) / sum(counts), with one entry of each per problem; None if the counts sum to 0.

    The variance is that of the ratio estimator over clusters, sum_i (x_i - r n_i)^2 /
    (sum_i n_i)^2 * P/(P-1) with P problems (Cochran, Sampling Techniques, 6.4), so samples of one
    problem may be correlated. The interval is clipped to [0, `bound`]. If all problems have the
    same ratio, as when none is solved, this variance is 0; a share then gets Wilson's interval
    with one trial per problem.
    """
    n = sum(counts)
    if not n:
        return None
    r = sum(totals) / n
    clusters = len(totals)
    squares = sum((x - r * m) ** 2 for x, m in zip(totals, counts, strict=True))
    if not squares and bound == 1.0:
        return wilson(r, clusters)
    correction = clusters / (clusters - 1) if clusters > 1 else 1.0
    half = Z_95 * math.sqrt(correction * squares) / n
    return Estimate(r, max(0.0, r - half), min(bound if bound is not None else math.inf, r + half))


def mean(values: Sequence[float], bound: float | None = 1.0) -> Estimate | None:
    """The mean of one value per problem, as `ratio` computes it."""
    return ratio(values, [1.0] * len(values), bound)


def wilson(share: float, trials: int) -> Estimate:
    """A share in [0, 1] of independent trials with the score interval of Wilson (1927)."""
    z2 = Z_95**2
    center = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    variance = share * (1 - share) / trials + z2 / (4 * trials**2)
    half = Z_95 * math.sqrt(variance) / (1 + z2 / trials)
    return Estimate(share, max(0.0, center - half), min(1.0, center + half))


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The unbiased estimate 1 - C(n-c, k) / C(n, k) for k <= n (Chen et al. 2021, eq. 1)."""
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def majority_at_k(answers: Sequence[Hashable | None], correct: Sequence[bool]) -> float:
    """Whether the most frequent answer is correct, in [0, 1].

    Samples without an answer have no vote. If several answers are equally frequent, or samples
    with the same answer have different verdicts (as when a whole proof is verified and not only its
    result), the value is the share of correct samples among them.
    """
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return 0.0
    most = max(votes.values())
    leaders = {answer for answer, count in votes.items() if count == most}
    votes_of_leaders = zip(answers, correct, strict=True)
    return fmean(right for answer, right in votes_of_leaders if answer in leaders)


def pearson(xs: Sequence[float], ys: Sequence[float]) -> Estimate | None:
    """Pearson's r, in [-1, 1], with Fisher's interval tanh(artanh r +- z / sqrt(n - 3)).

    None for fewer than four pairs, or if one of the variables is constant.
    """
    if len(xs) < 4 or len(set(xs)) < 2 or len(set(ys)) < 2:
        return None
    r = correlation(xs, ys)
    if abs(r) >= 1.0:
        return Estimate(r, r, r)
    z, half = math.atanh(r), Z_95 / math.sqrt(len(xs) - 3)
    return Estimate(r, math.tanh(z - half), math.tanh(z + half))


def paired_bootstrap(
    differences: Sequence[float], resamples: int = 10_000, bound: float = 1.0
) -> Estimate:
    """The mean of one difference per problem, with its percentile bootstrap interval.

    Problems are resampled with replacement (Efron and Tibshirani 1993, ch. 13). The random numbers
    are fixed, so the same differences give the same interval. If all differences are equal, no
    resample tells them apart; the interval then reaches as far as Wilson's upper bound for the
    share of problems that differ when none of n was seen to. `bound` is the largest difference.
    """
    n = len(differences)
    if len(set(differences)) == 1:
        only, reach = differences[0], bound * wilson(0.0, n).high
        return Estimate(only, max(-bound, only - reach), min(bound, only + reach))
    rng = Random(0)
    means = sorted(sum(rng.choices(differences, k=n)) / n for _ in range(resamples))
    tail = round(0.025 * resamples)
    return Estimate(sum(differences) / n, means[tail], means[-tail - 1])


def sign_flip_test(differences: Sequence[int]) -> float:
    """The two-sided p of Fisher's exact test of paired differences, which flips their signs.

    If the two of a pair are exchangeable, each difference has either sign with equal probability.
    The result is the probability that the sum is at least as far from 0 as the given one. With
    differences of -1, 0 and 1, as between right and wrong, it is McNemar's exact test.
    """
    ways = {0: 1}
    for size, count in Counter(map(abs, differences)).items():
        if not size:
            continue
        longer: Counter[int] = Counter()
        for heads in range(count + 1):
            step, times = size * (2 * heads - count), math.comb(count, heads)
            for total, known in ways.items():
                longer[total + step] += known * times
        ways = longer
    seen = abs(sum(differences))
    return sum(n for total, n in ways.items() if abs(total) >= seen) / sum(ways.values())


def holm(ps: Sequence[float]) -> list[float]:
    """The p values of several tests, adjusted so that a threshold holds for all of them together.

    Whatever the tests have to do with one another, the probability of one false rejection or more
    is at most the threshold (Holm 1979).
    """
    adjusted, least = [1.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        least = max(least, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = least
    return adjusted
