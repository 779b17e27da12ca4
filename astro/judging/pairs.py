"""Labeled pairs of a reference and a response, and how well a verifier agrees with the labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import msgspec

from astro.data.problem_sets import MOST_LEVELS, too_deep
from astro.errors import ProblemError, RunError
from astro.files import decode, raw_lines
from astro.types import Problem, Verdict


@dataclass(frozen=True, slots=True)
class Pattern:
    """A long text in short form: `prefix`, then `repeat` as many `times`, then `suffix`."""

    repeat: str
    times: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
    prefix: str = ""
    suffix: str = ""

    def text(self) -> str:
        """The whole text."""
        return f"{self.prefix}{self.repeat * self.times}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of a file of pairs. Other keys of the line are ignored.

    `gold` is the reference. The response is `candidate`, or the text that `candidate_gen`
    describes. The label is `equivalent` or `expected`, and null if either verdict is acceptable.
    The group in reports is `source` or `category`.
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
        """Whether the response should be accepted; None if either verdict is acceptable."""
        return self.expected if self.equivalent is None else self.equivalent

    @property
    def origin(self) -> str:
        """The group of the pair in reports."""
        return self.source or self.category or "-"

    @property
    def response(self) -> str:
        """The text to verify."""
        return self.candidate_gen.text() if self.candidate_gen else self.candidate or ""

    def posed(self, name: str) -> Problem:
        """The problem that the response answers, with the reference as its answer."""
        return Problem(name, self.problem, self.gold, self.metadata)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on a pair, and the seconds it took."""

    pair: Pair
    verdict: Verdict
    seconds: float

    @property
    def disagrees(self) -> bool:
        """Whether the verdict contradicts the label."""
        return self.pair.label is not None and self.verdict.correct != self.pair.label


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a JSON Lines file.

    Raises:
        AstroError: the file cannot be read, is empty, or has a malformed line, which it names.
    """
    pairs, malformed = readable_pairs(path)
    if malformed:
        more = f" ({len(malformed)} lines are malformed)" if len(malformed) > 1 else ""
        raise ProblemError(malformed[0] + more)
    return pairs


def well_formed_pairs(path: Path) -> tuple[list[Pair], list[str]]:
    """As `readable_pairs`, of a file in which some line is well formed.

    Raises:
        ProblemError: the file cannot be read, or has no pair.
    """
    pairs, malformed = readable_pairs(path)
    if not pairs:
        raise ProblemError(f"{path}: every line is malformed; first: {malformed[0]}")
    return pairs, malformed


def readable_pairs(path: Path) -> tuple[list[Pair], list[str]]:
    """The pairs of a JSON Lines file, and what is wrong with each malformed line.

    Raises:
        ProblemError: the file cannot be read, or has no pair.
    """
    pairs, malformed = list[Pair](), list[str]()
    try:
        for where, _, line in raw_lines(path):
            if not line.strip():
                continue
            try:
                pair = decode(line, Pair, where)
            except RunError as error:
                malformed.append(str(error))
                continue
            if too_deep(pair.metadata):
                malformed.append(f"{where}: metadata is nested over {MOST_LEVELS} levels deep")
            else:
                pairs.append(pair)
    except OSError as error:
        raise ProblemError(f"{path}: cannot read: {error.strerror}") from None
    if not pairs and not malformed:
        raise ProblemError(f"{path}: there are no pairs", 'a line is {"gold", "candidate", ...}')
    return pairs, malformed


@dataclass(frozen=True, slots=True)
class VerifierJudgements:
    """A verifier's judgements in the order of the pairs, and the seconds that all of them took."""

    verifier: str
    judgements: list[Judgement]
    seconds: float

    @property
    def disagreeing(self) -> list[Judgement]:
        """The judgements that contradict their label."""
        return [judgement for judgement in self.judgements if judgement.disagrees]

    def by_source(self) -> dict[str, dict[str, Any]]:
        """The `figures` of each group of pairs, in alphabetical order."""
        groups: defaultdict[str, list[Judgement]] = defaultdict(list)
        for judgement in self.judgements:
            groups[judgement.pair.origin].append(judgement)
        return {source: figures(groups[source]) for source in sorted(groups)}

    def speed(self) -> dict[str, float]:
        """Pairs per second, and the 99th percentile and maximum of the seconds per verdict."""
        each = sorted(judgement.seconds for judgement in self.judgements)
        return {
            "pairs_per_second": len(each) / self.seconds,
            "p99_seconds": each[ceil(0.99 * len(each)) - 1],
            "max_seconds": each[-1],
        }

    def report(self, against: VerifierJudgements | None = None) -> dict[str, Any]:
        """The figures as JSON holds them, with those of another verifier and where they differ."""
        report: dict[str, Any] = {"by_source": self.by_source(), **self.speed()}
        if against:
            differing = len(self.differing(against))
            report["against"] = {
                "verifier": against.verifier,
                "agreement": 1 - differing / len(self.judgements),
                "disagreements": differing,
                **against.report(),
            }
        return report

    def differing(self, other: VerifierJudgements) -> list[tuple[Judgement, Judgement]]:
        """The pairs of judgements of which exactly one is `correct`."""
        both = zip(self.judgements, other.judgements, strict=True)
        return [(a, b) for a, b in both if a.verdict.correct != b.verdict.correct]


def figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """How well verdicts agree with the labels.

    `n` counts all pairs and `equivalent` those labeled so. `recall` is the share of the equivalent
    pairs with a correct verdict, `false_positives` the count of the other labeled pairs with one,
    and `agreement` the share of labeled pairs whose verdict agrees with the label. `statuses`
    counts the verdicts by status. A share of no pairs is None.
    """
    labeled = [judgement for judgement in judgements if judgement.pair.label is not None]
    equivalent = [judgement for judgement in labeled if judgement.pair.label]
    return {
        "n": len(judgements),
        "equivalent": len(equivalent),
        "recall": _share(sum(j.verdict.correct for j in equivalent), len(equivalent)),
        "false_positives": sum(j.disagrees and j.verdict.correct for j in labeled),
        "agreement": _share(sum(not j.disagrees for j in labeled), len(labeled)),
        "statuses": dict(Counter(j.verdict.status.value for j in judgements)),
    }


def verdict_line(judgement: Judgement) -> Mapping[str, Any]:
    """A verdict as a line of a JSON Lines file."""
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
