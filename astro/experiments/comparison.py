"""Compares models of several arms and seeds on the same problems, with pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import fmean

from astro.errors import RunError
from astro.experiments.inference import Searched
from astro.metrics import Estimate, paired_bootstrap, pass_at_k
from astro.runs.scoring import ScoredProblem, ScoredSample, majority

Models = Mapping[str, Sequence[ScoredProblem]]
"""Model -> its responses to the held-out problems."""

_Rule = Callable[[ScoredSample], bool]
_Rates = dict[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """pass@1 of `first` minus that of `second`, in percentage points, with 95 % intervals.

    Intervals are from a paired bootstrap over problems.

    Attributes:
        first: The model with the higher mean.
        second: The other model.
        by_seed: The difference at each seed.
        pooled: The difference of the problems' means over seeds.
    """

    first: str
    second: str
    by_seed: list[Estimate]
    pooled: Estimate


@dataclass(frozen=True, slots=True)
class Matched:
    """Best-of-n of `model` with as many response tokens as one sample of `reference` takes.

    Attributes:
        seed: The seed.
        model: The model of which n samples are drawn.
        reference: The model whose number of tokens is matched.
        reference_tokens: The mean number of tokens of one of its responses.
        samples: n, rounded, and at most the number of samples per problem.
        tokens: The mean number of tokens of n samples of `model`.
        majority: maj@n, in percent.
        oracle: pass@n, in percent.
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
    """Pearson's correlation of pass rate and backtracks over the steps of RL.

    Attributes:
        seed: The seed.
        model: The trained model.
        steps: The number of steps.
        r: The correlation of a step's pass rate with its mean number of backtracks per response.
            Each step samples from the model that the previous step produced.
    """

    seed: int
    model: str
    steps: int
    r: Estimate


@dataclass(frozen=True, slots=True)
class StudyResult:
    """The results of a study. Rates are in percent, with one row per seed, one column per model.

    Attributes:
        problems: The number of problems on which every model was evaluated at every seed; the other
            problems failed for some model.
        seeds: pass@1.
        legal: The share of responses in which every line is legal; empty if the step format cannot
            check lines.
        right_and_legal: The share of responses that are correct and in which every line is legal;
            empty if the step format cannot check lines.
        differences: The difference of each pair of models.
        matched: Best-of-n of each model with as many tokens as the reference.
        searched: The search at inference of each seed.
        correlations: The correlation over the steps of RL of each seed and arm.
    """

    problems: int
    seeds: list[_Rates]
    legal: list[_Rates]
    right_and_legal: list[_Rates]
    differences: list[Difference]
    matched: list[Matched]
    searched: list[Searched] = field(default_factory=list)
    correlations: list[Correlation] = field(default_factory=list)


def compare(measured: Mapping[int, Models], reference: str) -> StudyResult:
    """Compare the models of each seed. The model `reference` gives the tokens of best-of-n.

    Raises:
        RunError: The models have no problem in common.
    """
    measured = _in_common(measured)
    legal, both = list[_Rates](), list[_Rates]()
    models = [model for by_name in measured.values() for model in by_name.values()]
    if all(s.legal is not None for model in models for m in model for s in m.samples):
        legal = _rows(measured, lambda s: bool(s.legal))
        both = _rows(measured, lambda s: s.correct and bool(s.legal))
    return StudyResult(
        problems=max(map(len, models)),
        seeds=_rows(measured, _right),
        legal=legal,
        right_and_legal=both,
        differences=list(_differences(measured)),
        matched=list(_matched(measured, reference)),
    )


def _in_common(measured: Mapping[int, Models]) -> dict[int, Models]:
    """The problems on which all models were evaluated at every seed, in the same order."""
    by_place = {
        seed: {n: {(m.evaluation_set, m.id): m for m in ms} for n, ms in models.items()}
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


def _right(sample: ScoredSample) -> bool:
    return sample.correct


def _rows(measured: Mapping[int, Models], rule: _Rule) -> list[_Rates]:
    return [
        {"seed": seed} | {name: fmean(_shares(model, rule)) for name, model in models.items()}
        for seed, models in measured.items()
    ]


def _shares(model: Sequence[ScoredProblem], rule: _Rule) -> list[float]:
    """The share of each problem's samples that a rule accepts, in percent."""
    return [100 * fmean(rule(sample) for sample in m.samples) for m in model]


def _differences(measured: Mapping[int, Models]) -> Iterator[Difference]:
    """The difference of every pair of models, of which the first has the higher mean."""
    rights = [{n: _shares(m, _right) for n, m in models.items()} for models in measured.values()]
    names = sorted(rights[0], key=lambda name: -fmean(fmean(right[name]) for right in rights))
    for first, second in combinations(names, 2):
        by_seed = [
            [a - b for a, b in zip(right[first], right[second], strict=True)] for right in rights
        ]
        pooled = [fmean(problem) for problem in zip(*by_seed, strict=True)]
        intervals = [paired_bootstrap(seed, bound=100.0) for seed in by_seed]
        yield Difference(first, second, intervals, paired_bootstrap(pooled, bound=100.0))


def _matched(measured: Mapping[int, Models], reference: str) -> Iterator[Matched]:
    for seed, models in measured.items():
        if reference not in models:
            continue
        target = _response_tokens(models[reference])
        for name, model in models.items():
            if name != reference:
                yield _best_of_n(seed, name, model, reference, target)


def _best_of_n(
    seed: int, name: str, model: Sequence[ScoredProblem], reference: str, target: float
) -> Matched:
    tokens = _response_tokens(model)
    n = max(1, min(round(target / tokens), *(len(m.samples) for m in model)))
    voted = 100 * fmean(majority(m, n) for m in model)
    oracle = 100 * fmean(
        pass_at_k(len(m.samples), sum(s.correct for s in m.samples), n) for m in model
    )
    return Matched(seed, name, reference, target, n, n * tokens, voted, oracle)


def _response_tokens(model: Sequence[ScoredProblem]) -> float:
    """The mean number of tokens per response, at least 1."""
    return max(1.0, fmean(sample.tokens for m in model for sample in m.samples))
