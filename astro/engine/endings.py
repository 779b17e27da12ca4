"""Samples that end where a model, shown worked examples as text, goes on to another example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from astro.engine.adapting import adapted
from astro.requests import POLICY, Generate, Program, Request
from astro.types import Completion, FinishReason

R = TypeVar("R")


def ending(program: Program[R], beginnings: Sequence[str]) -> Program[R]:
    """Run a program so that the policy's samples end before any of `beginnings`.

    Such a sample has ended its response, as if the policy had sampled its end of sequence. Its
    token ids are left out, because they would decode to more than its text.
    """
    if not beginnings:
        return program
    return adapted(program, partial(_stopped, beginnings), partial(_cut, beginnings))


def _stopped(beginnings: Sequence[str], request: Request) -> Request:
    if isinstance(request, Generate) and request.model == POLICY:
        return replace(request, stop=(*request.stop, *beginnings))
    return request


def _cut(beginnings: Sequence[str], request: Request, reply: Any) -> Any:
    if not isinstance(request, Generate) or request.model != POLICY:
        return reply
    return [_ended(sample, beginnings) for sample in reply]


def _ended(sample: Completion, beginnings: Sequence[str]) -> Completion:
    found = [end for end in beginnings if sample.text.endswith(end)]
    if not found or sample.finish_reason is not FinishReason.STOP:
        return sample
    return Completion(
        sample.text.removesuffix(max(found, key=len)),
        (),
        sample.logprobs,
        FinishReason.EOS,
        counted=sample.tokens,
    )
