"""When a vote may end early: thresholds are replayed on samples that were drawn once.

A vote of 32 is run in full on training problems. Its responses are independent, so every order of
them is as likely as the one that was drawn: each threshold is replayed in several random orders,
and all thresholds on the same ones. The cheapest threshold is chosen whose loss of accuracy is at
most `LOSS` points by the upper end of its interval. `search_cost_answers` measures it on test
problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import fmean

import astro
from astro.engine.selection import AnswerCandidate, select_answer
from astro.interfaces import Verifier
from astro.metrics import Estimate, paired_bootstrap
from astro.runs.answering import Answered, answers
from astro_search.stopping import leader_probability

SAMPLES, WAVE = 32, 4
THRESHOLDS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.825, 0.85, 0.9, 0.95, 0.98)
LOSS = 1.0
ORDERS = 8

Vote = Sequence[tuple[AnswerCandidate, bool]]
"""The responses to a problem, each with whether it is correct."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A vote after a wave: tokens so far, certainty of the leader, and whether it is correct."""

    tokens: int
    certainty: float
    correct: bool


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a threshold saves of the tokens, as a share, and loses, in points."""

    threshold: float
    saved: float
    lost: Estimate


def votes(comparison: astro.Comparison, search: str, last: int) -> Iterator[Vote]:
    """The full votes on the last training problems."""
    config = comparison.config(0, search)
    problems = comparison.registry.build("problems", config.problems).load("train")[-last:]
    verifier = comparison.registry.build("verifier", config.verifier)
    for answered in answers(config, problems):
        yield _responses(answered, verifier)


def _responses(answered: Answered, verifier: Verifier) -> Vote:
    """Every response by itself; those that the token limit cut off have no answer."""
    found = [
        (
            replace(each.candidate, samples=1, vote=each.candidate.vote if each.read else None),
            verifier.verify(answered.problem, each.response).correct,
        )
        for each in answered.candidates
        for _ in range(each.candidate.samples)
    ]
    missing = SAMPLES - len(found)
    left = answered.tokens - sum(candidate.tokens for candidate, _ in found)
    cut = AnswerCandidate(None, tokens=round(left / max(1, missing)))
    return [*found, *[(cut, False)] * missing]


def waves(vote: Vote) -> list[Decided]:
    """The vote after each wave."""
    found = []
    for end in range(WAVE, len(vote) + 1, WAVE):
        drawn = vote[:end]
        chosen = select_answer([candidate for candidate, _ in drawn], "majority")
        certainty = leader_probability(list(map(int, chosen.weights.values()))) if chosen else 0.0
        correct = drawn[chosen.candidate][1] if chosen else False
        found.append(Decided(sum(c.tokens for c, _ in drawn), certainty, correct))
    return found


def replays(found: Iterable[Vote]) -> list[Replayed]:
    """What each threshold saves and loses."""
    rng = Random(0)
    orders = [[waves(rng.sample(vote, len(vote))) for _ in range(ORDERS)] for vote in found]
    return [_replayed(orders, threshold) for threshold in THRESHOLDS]


def _replayed(orders: Sequence[Sequence[list[Decided]]], threshold: float) -> Replayed:
    lost, spent, full = list[float](), 0, 0
    for problem in orders:
        ends = [next((w for w in vote if w.certainty > threshold), vote[-1]) for vote in problem]
        last = [vote[-1] for vote in problem]
        lost.append(100 * (fmean(w.correct for w in last) - fmean(w.correct for w in ends)))
        spent += sum(w.tokens for w in ends)
        full += sum(w.tokens for w in last)
    return Replayed(threshold, 1 - spent / full, paired_bootstrap(lost, 2_000, bound=100.0))


def chosen(found: Sequence[Replayed]) -> float:
    """The threshold that saves most among those that lose little for certain."""
    for one in found:
        lost = f"{one.lost.value:.2f} points ({one.lost.low:.2f} to {one.lost.high:.2f})"
        print(f"on training problems, {one.threshold} saves {100 * one.saved:.1f} %, loses {lost}")
    fit = [one for one in found if one.lost.high <= LOSS]
    return max(fit or found[-1:], key=lambda one: one.saved).threshold
