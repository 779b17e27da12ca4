"""From a policy's samples to the actions of a node. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from astro.types import Completion, FinishReason, Step


@dataclass(frozen=True, slots=True)
class Action:
    """A distinct step, its prior Pi(a|S), and whether the policy ended its response with it."""

    step: Step
    prior: float
    ends: bool


def actions(completions: Sequence[Completion]) -> list[Action]:
    """The distinct steps among the samples, in the order in which they came.

    A sample cut off by the token limit is no whole step and is dropped, so the list may be empty.
    Samples of one text are one action, written in the tokens of the first of them.
    """
    whole = [c for c in completions if c.finish_reason is not FinishReason.LENGTH]
    counts = Counter(completion.text for completion in whole)
    first = {completion.text: completion for completion in reversed(whole)}
    distinct = [first[text] for text in counts]
    steps = [Step(c.text, c.token_ids, min(sum(c.logprobs), 0.0)) for c in distinct]
    if all(completion.logprobs for completion in distinct):
        priors = softmax([step.logprob for step in steps])
    else:
        priors = [count / len(whole) for count in counts.values()]
    return [
        Action(step, prior, completion.finish_reason is FinishReason.EOS)
        for step, prior, completion in zip(steps, priors, distinct, strict=True)
    ]


def softmax(logprobs: Sequence[float]) -> list[float]:
    """Probabilities proportional to exp(logprob), summing to 1. Empty for none."""
    highest = max(logprobs, default=0.0)
    weights = [exp(logprob - highest) for logprob in logprobs]
    total = sum(weights)
    return [weight / total for weight in weights]
