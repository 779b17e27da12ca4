"""Compares models of several arms and seeds on the same problems. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from statistics import fmean

from astro.engine.sampling import Sample
from astro.errors import RunError
from astro.experiments.inference import Searched
from astro.interfaces import StepChecker, StepFormat
from astro.metrics import Estimate, paired_bootstrap, pass_at_k
from astro.runs.stages.evaluate import EvaluatedProblem, all_legal, majority
from astro.types import Problem

Models = Mapping[str, Sequence[EvaluatedProblem]]
"""The samples of each model on the held-out problems."""

_Rule = Callable[[Problem, Sample], bool]
_Rates = dict[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """pass@1 of `first` minus that of `second`, in percentage points, with 95 % intervals.

    The intervals of `by_seed` resample problems; `pooled` resamples the problems' means over seeds.
    """

    first: str
    second: str
    by_seed: list[Estimate]
    pooled: Estimate


@dataclass(frozen=True, slots=True)
class Matched:
    """Best-of-n of `model` with as many response tokens as one sample of `reference` takes.

    `samples` is n, rounded and at most the number of samples; `tokens` is their mean number of
    tokens. `majority` is maj@n and `oracle` is pass@n, both in per cent.
    """

    seed: int
    model: str
    reference: str
    reference_tokens: float
    samples: int
    tokens: float
    majority: float
    oracle: float


@dataclass(frozen=True, slots=True)
class Correlation:
    """Pearson's r over the steps of RL.

    It correlates the share of a step's samples that are rewarded with their backtracks per
    response. Each step samples from the model that the previous step produced."""

    seed: int
    model: str
    steps: int
    r: Estimate


@dataclass(frozen=True, slots=True)
class StudyResult:
    """The results of a study in per cent: one row per seed, one column per model.

    `problems` is the number of problems on which every model was evaluated at every seed; others
    failed for some model. `seeds` is pass@1, `legal` the share of responses whose every line is
    legal, and `right_and_legal` the share of those that are also correct. The last two are empty if
    the step format cannot check lines.
    """

    problems: int
    seeds: list[_Rates]
    legal: list[_Rates]
    right_and_legal: list[_Rates]
    differences: list[Difference]
    matched: list[Matched]
    searched: list[Searched] = field(default_factory=list)
    correlations: list[Correlation] = field(default_factory=list)


def compare(measured: Mapping[int, Models], step_format: StepFormat, reference: str) -> StudyResult:
    """Compare the models of each seed, at the tokens of the model `reference`.

    Raises:
        RunError: The models have no problem in common.
    """
    measured = _in_common(measured)
    legal, both = list[_Rates](), list[_Rates]()
    if isinstance(step_format, StepChecker):
        rule = partial(all_legal, step_format)
        legal = _rows(measured, rule)
        both = _rows(measured, lambda p, s: s.verdict.correct and rule(p, s))
    return StudyResult(
        problems=max(len(model) for models in measured.values() for model in models.values()),
        seeds=_rows(measured, _right),
        legal=legal,
        right_and_legal=both,
        differences=list(_differences(measured)),
        matched=list(_matched(measured, reference)),
    )


def _in_common(measured: Mapping[int, Models]) -> dict[int, Models]:
    """The problems on which all models were evaluated at every seed, in one order."""
    by_place = {
        seed: {n: {(m.evaluation_set, m.problem.id): m for m in ms} for n, ms in models.items()}
        for seed, models in measured.items()
    }
    first, *others = (model for models in by_place.values() for model in models.values())
    places = [place for place in first if all(place in model for model in others)]
    if not places:
        raise RunError("no problem was evaluated in all arms, so they cannot be compared")
    return {
        seed: {name: [model[place] for place in places] for name, model in models.items()}
        for seed, models in by_place.items()
    }


def _right(_problem: Problem, sample: Sample) -> bool:
    return sample.verdict.correct


def _rows(measured: Mapping[int, Models], rule: _Rule) -> list[_Rates]:
    return [
        {"seed": seed} | {name: fmean(_shares(model, rule)) for name, model in models.items()}
        for seed, models in measured.items()
    ]


def _shares(model: Sequence[EvaluatedProblem], rule: _Rule) -> list[float]:
    """Each problem's share of samples that a rule accepts, in per cent."""
    return [100 * fmean(rule(m.problem, sample) for sample in m.samples) for m in model]


def _differences(measured: Mapping[int, Models]) -> Iterator[Difference]:
    """Every pair of models, the one with the higher mean first."""
    rights = [{n: _shares(m, _right) for n, m in models.items()} for models in measured.values()]
    names = sorted(rights[0], key=lambda name: -fmean(fmean(right[name]) for right in rights))
    for first, second in combinations(names, 2):
        by_seed = [
            [a - b for a, b in zip(right[first], right[second], strict=True)] for right in rights
        ]
        pooled = [fmean(problem) for problem in zip(*by_seed, strict=True)]
        intervals = [paired_bootstrap(seed) for seed in by_seed]
        yield Difference(first, second, intervals, paired_bootstrap(pooled))


def _matched(measured: Mapping[int, Models], reference: str) -> Iterator[Matched]:
    for seed, models in measured.items():
        if reference not in models:
            continue
        target = _response_tokens(models[reference])
        for name, model in models.items():
            if name != reference:
                yield _best_of_n(seed, name, model, reference, target)


def _best_of_n(
    seed: int, name: str, model: Sequence[EvaluatedProblem], reference: str, target: float
) -> Matched:
    tokens = _response_tokens(model)
    n = max(1, min(round(target / tokens), *(len(m.samples) for m in model)))
    voted = 100 * fmean(majority(m, n) for m in model)
    oracle = 100 * fmean(
        pass_at_k(len(m.samples), sum(s.verdict.correct for s in m.samples), n) for m in model
    )
    return Matched(seed, name, reference, target, n, n * tokens, voted, oracle)


def _response_tokens(model: Sequence[EvaluatedProblem]) -> float:
    """Mean number of tokens per response, at least 1."""
    return max(1.0, fmean(sample.tokens for m in model for sample in m.samples))
