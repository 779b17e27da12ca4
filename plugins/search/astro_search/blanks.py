"""White space alone is no step: a sample that begins with a blank line goes on to the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from astro.interfaces import StepFormat
from astro.requests import BudgetExhausted, Generate, Program, paid
from astro.types import Completion, FinishReason, State, Step
from astro_search.expansion import step_request
from astro_search.params import StepSampling

_MOST = 16
"""Blank lines in one sample, at most."""


def sample_steps(
    asked: Sequence[tuple[State, int]], step_format: StepFormat, params: StepSampling
) -> Program[tuple[list[list[Completion]], BudgetExhausted | None]]:
    """Sample as many steps after each state as its number says.

    A sample that a stop string ends before its first word is continued. It counts as cut if the
    budget or `step_tokens` end before that word.

    Returns the completions, as `paid` returns replies, and the exception if the budget was spent.

    Raises:
        BudgetExhausted: It was spent before anything came.
    """
    requests = [step_request(state, n, step_format, params) for state, n in asked]
    replies, spent = yield from paid(requests)
    samples: list[list[Completion]] = [list(completions) for completions in replies]
    if not any(_blank(completion) for completions in samples for completion in completions):
        return samples, spent
    for _ in range(_MOST):
        blanks = [
            (i, j)
            for i, completions in enumerate(samples)
            for j, completion in enumerate(completions)
            if _blank(completion) and completion.tokens < params.step_tokens
        ]
        if spent or not blanks:
            break
        going = [_continued(asked[i][0], requests[i], samples[i][j]) for i, j in blanks]
        more: Sequence[Any] = ()
        try:
            more, spent = yield from paid(going)
        except BudgetExhausted as exhausted:
            spent = exhausted
        for (i, j), found in zip(blanks, more, strict=False):
            if found:
                samples[i][j] = _joined(samples[i][j], found[0])
    return [list(map(_cut, completions)) for completions in samples], spent


def _blank(completion: Completion) -> bool:
    return not completion.text.strip() and completion.finish_reason is FinishReason.STOP


def _cut(completion: Completion) -> Completion:
    """The sample; if it is still blank, it counts as cut by the token limit."""
    blank = _blank(completion)
    return replace(completion, finish_reason=FinishReason.LENGTH) if blank else completion


def _continued(state: State, request: Generate, begun: Completion) -> Generate:
    """The request that goes on with a blank sample."""
    after = state.then(Step(begun.text, begun.token_ids))
    return replace(request, prompt=after.prompt, n=1, max_tokens=request.max_tokens - begun.tokens)


def _joined(first: Completion, rest: Completion) -> Completion:
    exact = first.token_ids and (rest.token_ids or not rest.text)
    known = first.logprobs and rest.logprobs
    return Completion(
        first.text + rest.text,
        first.token_ids + rest.token_ids if exact else (),
        first.logprobs + rest.logprobs if known else (),
        rest.finish_reason,
        first.tokens + rest.tokens,
    )
