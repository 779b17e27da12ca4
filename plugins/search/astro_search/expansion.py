"""Expansion of a node: the request that samples steps, and the children that the samples make."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log
from typing import NamedTuple

from astro.interfaces import StepFormat
from astro.requests import Generate
from astro.types import LEAST_LOGPROB, Completion, FinishReason, State, Step, tokens_of
from astro_search.params import POLICY_PRIOR, Prior, StepSampling


class Action(NamedTuple):
    """A distinct step, its prior Pi(a|S), and whether the policy ended its response with it."""

    step: Step
    prior: float
    ends: bool


class Candidate(NamedTuple):
    """A child to be: the id of its parent, the action that leads to it, and its state.

    `limit` names the limit that a path has reached which has not ended, or is empty.
    """

    parent: int
    action: Action
    state: State
    limit: str


def step_request(state: State, n: int, step_format: StepFormat, params: StepSampling) -> Generate:
    """Return the request for `n` samples of the step that follows `state`.

    At temperature 0 all samples would be equal, so there is one.
    """
    return Generate(
        state.prompt,
        n=params.drawn(n),
        stop=step_format.stop,
        max_tokens=params.step_tokens,
        temperature=params.temperature,
        top_p=params.top_p,
    )


def candidates(
    parent: int,
    state: State,
    completions: Sequence[Completion],
    step_format: StepFormat,
    params: StepSampling,
    *,
    prior: Prior = POLICY_PRIOR,
) -> list[Candidate]:
    """Return the children that samples at `state` make, one for each distinct step.

    A child is terminal if the policy ended its response with the step or the step format says so.
    """
    found = []
    for action in actions(completions, prior):
        after, limit = state.then(action.step), ""
        if action.ends or step_format.is_terminal(after):
            after = state.then(action.step, terminal=True)
        else:
            limit = reached_limit(after, params)
        found.append(Candidate(parent, action, after, limit))
    return found


def reached_limit(state: State, params: StepSampling) -> str:
    """Return the name of the limit that ends a path, or an empty string.

    Tokens are those of all steps. They are estimated for steps whose tokens are not known.
    """
    if len(state.steps) >= params.max_depth:
        return "depth limit"
    limit = params.max_path_tokens
    return "token limit" if limit is not None and tokens_of(state.steps) >= limit else ""


def actions(completions: Sequence[Completion], prior: Prior = POLICY_PRIOR) -> list[Action]:
    """Return the distinct steps among the samples, in the order in which they came.

    A sample cut off by the token limit is not a whole step and is dropped, so the list may be
    empty. Samples that differ in white space alone are one action, in the tokens of the first of
    them. The priors are by the rule `prior`, or shares of the samples if these have no
    log-probabilities; they sum to 1.
    """
    eos = FinishReason.EOS
    same: dict[str, list[Completion]] = {}
    for completion in completions:
        if is_whole(completion):
            same.setdefault(words(completion.text), []).append(completion)
    groups = list(same.values())
    distinct = [alike[0] for alike in groups]
    steps = [Step(c.text, c.token_ids, _logprob(c)) for c in distinct]
    if prior.name == "uniform" or all(c.logprobs for c in distinct):
        tau = prior.temperature if prior.name == "tempered" else 1.0
        priors = softmax(_logits(steps, groups, prior), tau)
    else:
        whole = sum(map(len, groups))
        priors = [len(alike) / whole for alike in groups]
    return [
        Action(step, share, completion.finish_reason is eos)
        for step, share, completion in zip(steps, priors, distinct, strict=True)
    ]


def _logits(
    steps: Sequence[Step], groups: Sequence[Sequence[Completion]], prior: Prior
) -> list[float]:
    """The logits of the actions' priors, by the samples of each, whose first one is its step.

    The probability of an action is the sum over the spellings in which it was sampled.
    """
    if prior.name == "uniform":
        return [0.0] * len(steps)
    totals = [
        step.logprob if len(alike) == 1 else _total_logprob(alike)
        for step, alike in zip(steps, groups, strict=True)
    ]
    if prior.name == "length_normalized":
        lengths = [max(alike[0].tokens, 1) for alike in groups]
        return [total / length for total, length in zip(totals, lengths, strict=True)]
    return totals


def _total_logprob(alike: Sequence[Completion]) -> float:
    """The log of the summed probabilities of the different texts among samples."""
    spellings = {sample.text: sample for sample in reversed(alike)}
    logprobs = [_logprob(sample) for sample in reversed(spellings.values())]
    highest = max(logprobs)
    return highest + log(sum(exp(logprob - highest) for logprob in logprobs))


def words(text: str) -> str:
    """Return a text with each run of white space as one space, by which steps are compared."""
    return " ".join(text.split())


def is_whole(sample: Completion) -> bool:
    """Return whether a sample is a whole step, which the token limit did not cut off."""
    return sample.finish_reason is not FinishReason.LENGTH


def _logprob(sample: Completion) -> float:
    """The log-probability of a step, at most 0 and finite."""
    total = min(sum(sample.logprobs), 0.0)
    return LEAST_LOGPROB if total == -inf else total


def softmax(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """Return probabilities proportional to exp(logit / temperature), which sum to 1.

    They are finite at any temperature above 0. There are none for no input.
    """
    highest = max(logits, default=0.0)
    weights = [exp((logit - highest) / temperature) for logit in logits]
    total = sum(weights)
    return [weight / total for weight in weights]
