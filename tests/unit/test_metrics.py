"""Figures against hand arithmetic."""

from __future__ import annotations

import itertools
import math
from random import Random

import pytest

from astro.metrics import (
    Estimate,
    majority_at_k,
    mean,
    paired_bootstrap,
    pass_at_k,
    pearson,
    ratio,
    wilson,
)


def test_ratio_by_hand() -> None:
    # r = 3/6; residuals x - r n = 1, -1; variance factor 2/(2-1); half = 1.96 * sqrt(2*2) / 6
    figure = ratio([2.0, 1.0], [2.0, 4.0], bound=None)
    half = 1.959964 * 2 / 6
    assert figure == Estimate(0.5, pytest.approx(max(0.0, 0.5 - half)), pytest.approx(0.5 + half))


def test_interval_is_that_of_the_problem_means_when_samples_are_equal_in_number() -> None:
    rng = Random(0)
    correct = [float(rng.randint(0, 8)) for _ in range(300)]
    figure = ratio(correct, [8.0] * 300)
    means = [c / 8 for c in correct]
    average = sum(means) / 300
    deviation = math.sqrt(sum((m - average) ** 2 for m in means) / 299)
    assert figure is not None
    assert figure.value == pytest.approx(average)
    assert figure.high - figure.value == pytest.approx(1.959964 * deviation / math.sqrt(300))


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = Random(1)
    covered = 0
    for _ in range(400):
        rates = [rng.betavariate(1, 3) for _ in range(200)]
        totals = [float(sum(rng.random() < rate for _ in range(8))) for rate in rates]
        figure = ratio(totals, [8.0] * 200)
        assert figure is not None
        covered += figure.low <= 0.25 <= figure.high
    assert 0.92 <= covered / 400 <= 0.98


def test_nothing_to_count_gives_no_figure() -> None:
    assert ratio([0.0, 0.0], [0.0, 0.0]) is None
    assert mean([]) is None


def test_intervals_stay_in_bounds() -> None:
    figure = mean([0.0, 1.0, 1.0])
    assert figure is not None
    assert figure.high == 1.0


@pytest.mark.parametrize(
    ("share", "trials", "low", "high"),
    # Newcombe 1998, table I, method 3: 81 of 263, 0 of 20, 1 of 29.
    [(81 / 263, 263, 0.2553, 0.3662), (0.0, 20, 0.0, 0.1611), (1 / 29, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_against_published_values(
    share: float, trials: int, low: float, high: float
) -> None:
    figure = wilson(share, trials)
    assert (figure.low, figure.high) == (
        pytest.approx(low, abs=1e-4),
        pytest.approx(high, abs=1e-4),
    )


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_equal_problems_still_get_an_interval(share: float) -> None:
    assert mean([share] * 4) == wilson(share, 4)
    assert mean([2.0] * 4, bound=None) == Estimate(2.0, 2.0, 2.0)


@pytest.mark.parametrize(("n", "c", "k"), [(8, 3, 1), (8, 3, 4), (5, 5, 2), (6, 0, 3), (4, 1, 4)])
def test_pass_at_k_is_the_share_of_subsets_that_hold_a_correct_one(n: int, c: int, k: int) -> None:
    subsets = list(itertools.combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_majority() -> None:
    assert majority_at_k(["4", "5", "4", None], [True, False, True, False]) == 1.0
    assert majority_at_k(["4", "5", "5", None], [True, False, False, False]) == 0.0
    assert majority_at_k(["4", "5"], [True, False]) == 0.5
    assert majority_at_k([None, None], [False, False]) == 0.0
    assert majority_at_k(["4", "4", "4", "5"], [True, False, True, True]) == pytest.approx(2 / 3)


def test_paired_bootstrap_covers_the_mean_of_the_differences() -> None:
    rng = Random(2)
    differences = [rng.gauss(3, 10) for _ in range(400)]
    figure = paired_bootstrap(differences)
    average = sum(differences) / 400
    deviation = math.sqrt(sum((d - average) ** 2 for d in differences) / 399)
    assert figure.value == pytest.approx(average)
    assert figure.high - figure.value == pytest.approx(1.96 * deviation / 20, rel=0.1)
    assert figure.value - figure.low == pytest.approx(1.96 * deviation / 20, rel=0.1)
    assert paired_bootstrap(differences) == figure


def test_paired_bootstrap_of_equal_differences_has_no_width() -> None:
    reach = wilson(0.0, 5).high
    assert paired_bootstrap([0.5] * 5) == Estimate(
        0.5, max(-1.0, 0.5 - reach), min(1.0, 0.5 + reach)
    )


def test_pearson_by_hand() -> None:
    found = pearson([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
    assert found is not None
    # artanh 0.8 = 1.0986, and 1.96 / sqrt(5 - 3) = 1.3859
    assert found.value == pytest.approx(0.8)
    assert (found.low, found.high) == pytest.approx((-0.2796, 0.9862), abs=1e-4)


def test_pearson_where_it_is_exact_or_not_defined() -> None:
    assert pearson([1, 2, 3, 4], [-2, -4, -6, -8]) == Estimate(-1.0, -1.0, -1.0)
    assert pearson([1, 2, 3], [1, 2, 3]) is None
    assert pearson([1, 2, 3, 4], [5, 5, 5, 5]) is None
