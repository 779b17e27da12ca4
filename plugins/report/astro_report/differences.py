"""Paired differences between the models of a run, on the problems that all of them have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from statistics import fmean

from astro.metrics import Estimate, paired_bootstrap
from astro.runs.tables import Table, points
from astro_report.documents import ResponseList

_Rates = dict[tuple[str, str], float]


def difference_table(responses: Mapping[str, ResponseList]) -> Iterator[Table]:
    """pass@1 of each model minus that of each other, the better one first.

    `responses` has the list of each model's responses by the model's title.
    """
    rates = {title: _rates(listed) for title, listed in responses.items()}
    if len(rates) < 2:
        return
    shared = set.intersection(*(set(found) for found in rates.values()))
    places = [place for place in next(iter(rates.values())) if place in shared]
    if not places:
        return
    better = sorted(rates, key=lambda title: -fmean(rates[title][place] for place in places))
    rows = [
        [f"{first} above {second}", points(_difference(rates[first], rates[second], places))]
        for first, second in combinations(better, 2)
    ]
    note = (
        f"Points of pass@1 on the {len(places):,} problems that all models have, with 95 % "
        "intervals from a paired bootstrap over problems."
    )
    yield Table("Differences in pass@1", ["", "points"], rows, note)


def _difference(first: _Rates, second: _Rates, places: list[tuple[str, str]]) -> Estimate:
    return paired_bootstrap([first[place] - second[place] for place in places], bound=100.0)


def _rates(listed: ResponseList) -> _Rates:
    """The share of right samples of each problem that has samples, in percent."""
    columns = (listed.evaluation_set, listed.id, listed.correct, listed.samples)
    return {(name, id_): 100 * c / n for name, id_, c, n in zip(*columns, strict=True) if n}
