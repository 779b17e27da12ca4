"""Metrics of evaluated models, from a few figures per response instead of its tokens and text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean
from typing import Any

from astro.config.run import Evaluate
from astro.data.own_words import OwnWords
from astro.engine.sampling import Sample
from astro.interfaces import StepChecker, StepFormat
from astro.metrics import Estimate, majority_at_k, mean, pass_at_k, ratio
from astro.types import FinishReason, Problem, Status

Figures = dict[str, Estimate]
Scores = dict[str, Figures]
_BUILT_IN = OwnWords()


@dataclass(frozen=True, slots=True)
class EvaluatedProblem:
    """A problem with a model's responses.

    Attributes:
        problem: The problem.
        samples: The sampled responses.
        greedy: The greedy response, if the config asks for one; at most one element.
        evaluation_set: The name of the evaluation set.
        prompt: The user message that was sent.
        votes: The class of each sample's answer (see `answer_classes`); empty in older files.
        turns: The messages that were sent in a chat in place of `prompt`, if they are several.
    """

    problem: Problem
    samples: list[Sample]
    greedy: list[Sample]
    evaluation_set: str = ""
    prompt: str = ""
    votes: list[int | None] = field(default_factory=list)
    turns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse votes that are not those of the samples."""
        if self.votes and len(self.votes) != len(self.samples):
            raise ValueError("Expected one vote for each of the samples")


@dataclass(frozen=True, slots=True)
class ScoredSample:
    """What metrics need of a response.

    Attributes:
        status: The class of its verdict.
        vote: Its answer or the class of it; None if it has no vote.
        tokens: The number of sampled tokens.
        truncated: Whether it reached the limit of tokens.
        empty: Whether it has no text but blanks.
        backtracks: The number of its backtracks.
        reflections: The number of its reflections in the model's own words.
        returns: The number of its returns in the model's own words.
        legal: Whether all its whole steps are legal; None if the step format cannot tell.
    """

    status: Status
    vote: int | str | None
    tokens: int
    truncated: bool
    empty: bool
    backtracks: int
    reflections: int
    returns: int
    legal: bool | None

    @property
    def correct(self) -> bool:
        """Whether the response is correct."""
        return self.status is Status.CORRECT


@dataclass(frozen=True, slots=True)
class ScoredProblem:
    """What metrics need of a problem and its responses.

    Attributes:
        id: The problem's id.
        metadata: The problem's metadata.
        evaluation_set: The name of the evaluation set.
        samples: The sampled responses.
        greedy: Whether the greedy response is correct; None without one.
    """

    id: str
    metadata: Mapping[str, Any]
    evaluation_set: str
    samples: Sequence[ScoredSample]
    greedy: bool | None


@dataclass(frozen=True, slots=True)
class Group:
    """Scores on a part of an evaluation set.

    Attributes:
        evaluation_set: The name of the evaluation set.
        key: The key of the problems' metadata by which the set is divided; empty for no division.
        value: The value that the problems have under `key`.
        problems: The number of problems.
        models: Model -> metric -> estimate, for the metrics of accuracy.
    """

    evaluation_set: str
    key: str
    value: str
    problems: int
    models: Scores


def scored(
    measured: EvaluatedProblem, step_format: StepFormat, own_words: OwnWords = _BUILT_IN
) -> ScoredProblem:
    """Return what metrics need of a problem's responses."""
    problem, samples = measured.problem, measured.samples
    texts: list[int | str | None] = [sample.verdict.vote for sample in samples]
    votes = measured.votes or texts
    return ScoredProblem(
        problem.id,
        problem.metadata,
        measured.evaluation_set,
        [
            _sample(problem, s, v, step_format, own_words)
            for s, v in zip(samples, votes, strict=True)
        ],
        measured.greedy[0].verdict.correct if measured.greedy else None,
    )


def _sample(
    problem: Problem,
    sample: Sample,
    vote: int | str | None,
    step_format: StepFormat,
    own_words: OwnWords,
) -> ScoredSample:
    reflections, returns = own_words.counts(sample.text)
    legal = (
        all_legal(step_format, problem, sample) if isinstance(step_format, StepChecker) else None
    )
    return ScoredSample(
        status=sample.verdict.status,
        vote=vote,
        tokens=sample.tokens,
        truncated=sample.finish_reason is FinishReason.LENGTH,
        empty=not sample.text.strip(),
        backtracks=step_format.backtracks(sample.text),
        reflections=reflections,
        returns=returns,
        legal=legal,
    )


def all_legal(checker: StepChecker, problem: Problem, sample: Sample) -> bool:
    """Return whether every step is legal; a step cut off by the token limit is ignored."""
    return checker.legal(problem, sample.whole_steps(checker.stop))


def grouped(measured: Mapping[str, Sequence[ScoredProblem]], config: Evaluate) -> Iterator[Group]:
    """Yield the scores on each of `config.sets`, and on its parts by each key of `config.by`.

    Parts are ordered by value. Values that are neither text nor numbers are ignored.
    """
    parts: dict[tuple[str, str, str], dict[str, list[ScoredProblem]]] = {}
    for model, found in measured.items():
        for m in found:
            whole = [("", "")] if config.sets else []
            for key, value in (*whole, *((key, m.metadata.get(key)) for key in config.by)):
                if isinstance(value, str | int | float):
                    part = parts.setdefault((m.evaluation_set, key, str(value)), {})
                    part.setdefault(model, []).append(m)
    for place, models in sorted(parts.items(), key=lambda part: part[0]):
        scores = {model: _defined(_accuracy(found)) for model, found in models.items()}
        yield Group(*place, max(map(len, models.values())), scores)


def score(measured: Sequence[ScoredProblem]) -> Figures:
    """Return every metric that is defined for these samples, by name."""
    return _defined([*_accuracy(measured), *_behavior(measured), *_verdicts(measured)])


def failed(measured: int, failures: int) -> Figures:
    """Return the share of failed problems, which no other metric includes, if there are any."""
    return _defined([("failed", mean([0.0] * measured + [1.0] * failures))] if failures else [])


def majority(measured: ScoredProblem, n: int) -> float:
    """Return maj@n (majority vote), averaged over all cyclic windows of n consecutive samples."""
    samples = measured.samples
    rows = [[*samples, *samples][i : i + n] for i in range(len(samples))]
    return fmean(majority_at_k([s.vote for s in row], [s.correct for s in row]) for row in rows)


def _defined(figures: Iterable[tuple[str, Estimate | None]]) -> Figures:
    return {name: figure for name, figure in figures if figure is not None}


def _accuracy(measured: Sequence[ScoredProblem]) -> Iterator[tuple[str, Estimate | None]]:
    counts = [(len(m.samples), sum(s.correct for s in m.samples)) for m in measured]
    k = min((n for n, _ in counts), default=0)
    yield "pass@1", mean([c / n for n, c in counts])
    yield "greedy", mean([float(m.greedy) for m in measured if m.greedy is not None])
    yield f"pass@{k}", mean([pass_at_k(n, c, k) for n, c in counts])
    yield f"maj@{k}", mean([majority(m, k) for m in measured])


def _behavior(measured: Sequence[ScoredProblem]) -> Iterator[tuple[str, Estimate | None]]:
    rows = [m.samples for m in measured]
    yield "response_length", _per_response(rows, lambda s: s.tokens, bound=None)
    yield "truncated", _per_response(rows, lambda s: s.truncated)
    yield "backtracks", _per_response(rows, lambda s: s.backtracks, bound=None)
    yield "with_backtrack", _per_response(rows, lambda s: s.backtracks > 0)
    tried = [[s for s in row if s.backtracks] for row in rows]
    yield "success_after_backtrack", _per_response(tried, lambda s: s.correct)
    if any(s.reflections or s.returns for row in rows for s in row):
        yield "reflections", _per_response(rows, lambda s: s.reflections, bound=None)
        yield "returns", _per_response(rows, lambda s: s.returns, bound=None)
    if all(s.legal is not None for row in rows for s in row):
        yield "legal", _per_response(rows, lambda s: bool(s.legal))


def _verdicts(measured: Sequence[ScoredProblem]) -> Iterator[tuple[str, Estimate | None]]:
    """The shares of empty responses, and of the verdict classes that occur."""
    rows = [m.samples for m in measured]
    if any(s.empty for row in rows for s in row):
        yield "empty", _per_response(rows, lambda s: s.empty)
    for status in Status:
        if any(s.status is status for row in rows for s in row):
            yield f"verdict/{status.value}", _per_response(rows, partial(_has, status))


def _has(status: Status, sample: ScoredSample) -> bool:
    return sample.status is status


def _per_response(
    rows: Sequence[Sequence[ScoredSample]],
    value: Callable[[ScoredSample], float],
    bound: float | None = 1.0,
) -> Estimate | None:
    """The mean of a value over all responses, which are given by problem."""
    return ratio(
        [float(sum(map(value, row))) for row in rows], [float(len(r)) for r in rows], bound
    )
