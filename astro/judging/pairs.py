"""Labelled pairs of a reference and a response, and what a verifier's verdicts on them come to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import msgspec

from astro.errors import ProblemError
from astro.files import read_lines
from astro.types import Problem, Verdict


@dataclass(frozen=True, slots=True)
class Pattern:
    """A long text, written short: `prefix`, `repeat` so many `times`, `suffix`."""

    repeat: str
    times: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
    prefix: str = ""
    suffix: str = ""

    def text(self) -> str:
        return f"{self.prefix}{self.repeat * self.times}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of a file of pairs; keys that are not named here are left alone.

    The response is `candidate` or what `candidate_gen` describes. The label is `equivalent` or
    `expected`, null where either verdict will do; the source is `source` or `category`.
    """

    gold: str
    id: str | int | None = None
    candidate: str | None = None
    candidate_gen: Pattern | None = None
    equivalent: bool | None = None
    expected: bool | None = None
    source: str = ""
    category: str = ""
    problem: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.candidate is None and self.candidate_gen is None:
            raise ValueError("expected `candidate` or `candidate_gen`")

    @property
    def label(self) -> bool | None:
        return self.expected if self.equivalent is None else self.equivalent

    @property
    def origin(self) -> str:
        return self.source or self.category or "-"

    @property
    def response(self) -> str:
        return self.candidate_gen.text() if self.candidate_gen else self.candidate or ""

    def posed(self, name: str) -> Problem:
        """The problem that the response is an answer to."""
        return Problem(name, self.problem, self.gold, self.metadata)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on a pair, and the seconds that it took."""

    pair: Pair
    verdict: Verdict
    seconds: float

    @property
    def disagrees(self) -> bool:
        """Whether it is other than the label says."""
        return self.pair.label is not None and self.verdict.correct != self.pair.label


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a JSON Lines file. Raises `AstroError` with the number of a malformed line."""
    try:
        pairs = list(read_lines(path, Pair))
    except OSError as error:
        raise ProblemError(f"{path}: cannot read: {error.strerror}") from None
    if not pairs:
        raise ProblemError(f"{path}: there are no pairs", 'a line is {"gold", "candidate", ...}')
    return pairs


@dataclass(frozen=True, slots=True)
class VerifierJudgements:
    """A verifier's judgements of pairs, in their order, and the seconds that all took."""

    verifier: str
    judgements: list[Judgement]
    seconds: float

    @property
    def disagreeing(self) -> list[Judgement]:
        return [judgement for judgement in self.judgements if judgement.disagrees]

    def by_source(self) -> dict[str, dict[str, Any]]:
        """`figures` of each source, in alphabetical order."""
        groups: defaultdict[str, list[Judgement]] = defaultdict(list)
        for judgement in self.judgements:
            groups[judgement.pair.origin].append(judgement)
        return {source: figures(groups[source]) for source in sorted(groups)}

    def speed(self) -> dict[str, float]:
        """Pairs a second, and the 99th percentile and the longest of the verdicts' seconds."""
        each = sorted(judgement.seconds for judgement in self.judgements)
        return {
            "pairs_per_second": len(each) / self.seconds,
            "p99_seconds": each[ceil(0.99 * len(each)) - 1],
            "max_seconds": each[-1],
        }

    def differing(self, other: VerifierJudgements) -> list[tuple[Judgement, Judgement]]:
        """The judgements of which one is `correct` and the other's is not."""
        both = zip(self.judgements, other.judgements, strict=True)
        return [(a, b) for a, b in both if a.verdict.correct != b.verdict.correct]


def figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """How many pairs, how many labelled equivalent, and how well the verdicts meet the labels.

    `recall` is the share of the equivalent that are correct, `false_positives` the count of others
    that are, `agreement` the share of the labelled that are judged as labelled. A share of nothing
    is None.
    """
    labelled = [judgement for judgement in judgements if judgement.pair.label is not None]
    equivalent = [judgement for judgement in labelled if judgement.pair.label]
    return {
        "n": len(judgements),
        "equivalent": len(equivalent),
        "recall": _share(sum(j.verdict.correct for j in equivalent), len(equivalent)),
        "false_positives": sum(j.disagrees and j.verdict.correct for j in labelled),
        "agreement": _share(sum(not j.disagrees for j in labelled), len(labelled)),
        "statuses": dict(Counter(j.verdict.status.value for j in judgements)),
    }


def row(judgement: Judgement) -> Mapping[str, Any]:
    """A verdict as a line of the file that `--out` names."""
    verdict = judgement.verdict
    return {
        "id": judgement.pair.id,
        "status": verdict.status,
        "answer": verdict.answer,
        "reason": verdict.reason,
        "seconds": round(judgement.seconds, 6),
    }


def _share(count: int, total: int) -> float | None:
    return count / total if total else None
