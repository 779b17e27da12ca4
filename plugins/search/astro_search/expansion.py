"""From a policy's samples to the actions of a node. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import NamedTuple

from astro.types import Completion, FinishReason, Step


class Action(NamedTuple):
    """A distinct step, its prior Pi(a|S), and whether the policy ended its response with it."""

    step: Step
    prior: float
    ends: bool


def actions(completions: Sequence[Completion]) -> list[Action]:
    """The distinct steps among the samples, in the order in which they came.

    A sample cut off by the token limit is no whole step and is dropped, so the list may be empty.
    Samples of one text are one action, written in the tokens of the first of them.
    """
    cut, eos = FinishReason.LENGTH, FinishReason.EOS
    same: dict[str, list[Completion]] = {}
    for completion in completions:
        if completion.finish_reason is not cut:
            same.setdefault(completion.text, []).append(completion)
    distinct = [alike[0] for alike in same.values()]
    steps = [Step(c.text, c.token_ids, min(sum(c.logprobs), 0.0)) for c in distinct]
    if all(c.logprobs for c in distinct):
        priors = softmax([step.logprob for step in steps])
    else:
        whole = sum(map(len, same.values()))
        priors = [len(alike) / whole for alike in same.values()]
    return [
        Action(step, prior, completion.finish_reason is eos)
        for step, prior, completion in zip(steps, priors, distinct, strict=True)
    ]


def softmax(logprobs: Sequence[float]) -> list[float]:
    """Probabilities proportional to exp(logprob), summing to 1. Empty for none."""
    highest = max(logprobs, default=0.0)
    weights = [exp(logprob - highest) for logprob in logprobs]
    total = sum(weights)
    return [weight / total for weight in weights]
