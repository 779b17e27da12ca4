"""Which answer a set of responses gives: votes and rewards over classes of equivalent answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from astro.errors import PolicyError
from astro.metrics import Estimate, wilson

SelectionRule = Literal["majority", "weighted", "logprob", "best"]
"""`majority` counts responses (Wang et al. 2022, arXiv 2203.11171). `weighted` sums their rewards
(Li et al. 2022, arXiv 2206.02336, section 3.2). `logprob` sums exp of their mean log-probability
per token, the length-normalized sum of Wang et al., section 2. `best` is the class of the single
response of highest reward."""


@dataclass(frozen=True, slots=True)
class AnswerCandidate:
    """A response as far as a choice among answers is concerned.

    Attributes:
        vote: The class of its answer; None if no answer was read, so that it has no vote.
        samples: How many times it was sampled.
        reward: Its reward in [0, 1]; None if it is unknown.
        logprob: The natural log of its probability, at most 0.
        tokens: The number of its tokens.
    """

    vote: int | None
    samples: int = 1
    reward: float | None = None
    logprob: float = 0.0
    tokens: int = 0

    @property
    def score(self) -> float:
        """Its reward or, if that is unknown, exp of its mean log-probability per token."""
        return math.exp(_mean_logprob(self)) if self.reward is None else self.reward


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen answer.

    Attributes:
        vote: The class of the answer.
        candidate: The index of the response that stands for it: the one of highest reward, or else
            of highest mean log-probability.
        confidence: The share of the class in the weight of all classes; for `majority`, in all
            responses, also those without an answer. Its interval is Wilson's.
        weights: The weight of each class.
    """

    vote: int
    candidate: int
    confidence: Estimate
    weights: Mapping[int, float]


def select_answer(candidates: Sequence[AnswerCandidate], rule: SelectionRule) -> Selection | None:
    """Choose a class of answers; None if no response has an answer.

    A response without a reward has the mean reward of the others, or 1 if no reward is known. Of
    classes of equal weight, the one with more responses is chosen, then the first.

    Raises:
        PolicyError: A reward is not in [0, 1], and the rule uses rewards.
    """
    parsed = [i for i, candidate in enumerate(candidates) if candidate.vote is not None]
    if not parsed:
        return None
    single = _weights(candidates, rule)
    counts, weights = dict[int, int](), dict[int, float]()
    for i in parsed:
        vote, n = candidates[i].vote or 0, candidates[i].samples
        before = weights.get(vote, 0.0)
        weights[vote] = max(before, single[i]) if rule == "best" else before + n * single[i]
        counts[vote] = counts.get(vote, 0) + n
    chosen = max(weights, key=lambda vote: (weights[vote], counts[vote]))
    ours = [i for i in parsed if candidates[i].vote == chosen]
    best = max(ours, key=lambda i: (candidates[i].reward or 0.0, _mean_logprob(candidates[i])))
    if rule == "majority":
        samples = sum(candidate.samples for candidate in candidates)
        return Selection(chosen, best, wilson(counts[chosen] / samples, samples), weights)
    total = math.fsum(weights.values())
    share = weights[chosen] / total if total else 0.0
    effective = _effective_number([(single[i], candidates[i].samples) for i in parsed])
    return Selection(chosen, best, wilson(share, effective), weights)


def _weights(candidates: Sequence[AnswerCandidate], rule: SelectionRule) -> list[float]:
    """The weight of one sample of each response."""
    if rule == "majority":
        return [1.0] * len(candidates)
    if rule == "logprob":
        return [math.exp(_mean_logprob(candidate)) for candidate in candidates]
    known = [c.reward for c in candidates if c.reward is not None]
    for reward in known:
        if not 0.0 <= reward <= 1.0:
            raise PolicyError(f"a reward of {reward:g} cannot weigh an answer: it is not in [0, 1]")
    typical = math.fsum(known) / len(known) if known else 1.0
    return [typical if c.reward is None else c.reward for c in candidates]


def _effective_number(weights: Sequence[tuple[float, int]]) -> int:
    """Kish's number of responses of equal weight that vary as these weights and counts do."""
    total = math.fsum(n * weight for weight, n in weights)
    squares = math.fsum(n * weight**2 for weight, n in weights)
    return max(1, round(total**2 / squares)) if squares else 1


def _mean_logprob(candidate: AnswerCandidate) -> float:
    return candidate.logprob / max(candidate.tokens, 1)
