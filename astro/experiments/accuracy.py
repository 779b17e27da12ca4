"""Compares searches at equal budgets by the answers that they choose, with pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from astro.errors import RunError
from astro.metrics import Estimate, holm, mean, paired_bootstrap, sign_flip_test

LEVEL = 0.05
"""The probability of one wrong claim or more among all differences that count as real."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a search made of one problem.

    Attributes:
        correct: Whether the answer that was chosen is correct.
        answered: Whether there was an answer to choose.
        ended: Why the search ended.
        tokens: The tokens that were generated.
    """

    correct: bool
    answered: bool
    ended: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class SearchPoint:
    """The accuracy of one search at one budget.

    Attributes:
        search: The name of the search.
        budget: The tokens that it could spend on a problem.
        accuracy: The share of problems whose chosen answer is correct; the mean over seeds.
        tokens: The tokens that it spent on a problem.
        most_tokens: The most tokens that it spent on one problem.
        answered: The share of problems with an answer.
        seconds: The seconds of the whole search, divided by the number of problems. They depend on
            the machine and on how many problems are searched at the same time.
    """

    search: str
    budget: int
    accuracy: Estimate
    tokens: Estimate
    most_tokens: int
    answered: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SearchDifference:
    """The accuracy of `first` minus that of `second` at one budget, on the same problems and seeds.

    Attributes:
        budget: The token budget.
        first: The search of the higher accuracy.
        second: The other search.
        points: The difference in percentage points, with an interval from a paired bootstrap over
            problems.
        p: The probability of a difference at least this large if both searches were equally good,
            by `sign_flip_test`.
        p_adjusted: The same after Holm's correction for all pairs at all budgets.
    """

    budget: int
    first: str
    second: str
    points: Estimate
    p: float
    p_adjusted: float

    @property
    def beyond_noise(self) -> bool:
        """Whether the difference is significant among all that were tested."""
        return self.p_adjusted < LEVEL


@dataclass(frozen=True, slots=True)
class SearchComparison:
    """The results of a comparison of searches.

    Attributes:
        problems: The number of problems that every search has tried at every budget and seed; the
            other problems failed somewhere.
        seeds: The seeds.
        choices: Search -> how its answer was chosen: a rule of selection, or `reference` if the
            verdicts guided the search and any correct answer in its tree counts.
        points: One for each search and budget.
        differences: One for each pair of searches at each budget.
    """

    problems: int
    seeds: Sequence[int]
    choices: Mapping[str, str]
    points: Sequence[SearchPoint]
    differences: Sequence[SearchDifference]


Places = Mapping[str, Tried]
"""Problem -> what a search made of it."""


def compare_searches(
    tried: Mapping[tuple[str, int], Sequence[Places]],
    seconds: Mapping[tuple[str, int], float],
    choices: Mapping[str, str],
    seeds: Sequence[int],
) -> SearchComparison:
    """Compare searches.

    Args:
        tried: (search, budget) -> what came of the problems at each seed.
        seconds: (search, budget) -> the seconds per problem.
        choices: As in `SearchComparison`.
        seeds: The seeds.

    Raises:
        RunError: The searches have no problem in common.
    """
    first, *others = (places for by_seed in tried.values() for places in by_seed)
    shared = [place for place in first if all(place in other for other in others)]
    if not shared:
        raise RunError("no problem was searched by all searches, so they cannot be compared")
    rows = {
        key: [[places[place] for place in shared] for places in by_seed]
        for key, by_seed in tried.items()
    }
    points = [_point(*key, by_seed, seconds[key]) for key, by_seed in rows.items()]
    found = list(_differences(rows))
    adjusted = holm([one.p for one in found])
    differences = [replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True)]
    return SearchComparison(len(shared), seeds, choices, points, differences)


def _point(
    search: str, budget: int, by_seed: Sequence[Sequence[Tried]], seconds: float
) -> SearchPoint:
    problems = list(zip(*by_seed, strict=True))
    accuracy = mean([fmean(one.correct for one in seeds) for seeds in problems])
    tokens = mean([fmean(one.tokens for one in seeds) for seeds in problems], bound=None)
    assert accuracy is not None
    assert tokens is not None
    everything = [one for seeds in problems for one in seeds]
    return SearchPoint(
        search,
        budget,
        accuracy,
        tokens,
        max(one.tokens for one in everything),
        fmean(one.answered for one in everything),
        seconds,
    )


def _differences(
    rows: Mapping[tuple[str, int], Sequence[Sequence[Tried]]],
) -> Iterator[SearchDifference]:
    """The difference of each pair at each budget, before the correction of its p."""
    right = {
        key: [sum(one.correct for one in seeds) for seeds in zip(*by_seed, strict=True)]
        for key, by_seed in rows.items()
    }
    seeds = len(next(iter(rows.values())))
    for budget in dict.fromkeys(budget for _, budget in right):
        names = sorted((s for s, b in right if b == budget), key=lambda s: -sum(right[s, budget]))
        for first, second in combinations(names, 2):
            pairs = zip(right[first, budget], right[second, budget], strict=True)
            wins = [a - b for a, b in pairs]
            points = paired_bootstrap([100 * win / seeds for win in wins], bound=100.0)
            p = sign_flip_test(wins)
            yield SearchDifference(budget, first, second, points, p, p)
