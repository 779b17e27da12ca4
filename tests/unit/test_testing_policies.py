"""The policy's kit: the scripted policy passes it, and one with a fault fails the right test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import pytest

from astro.builtin.scripted import ScriptedParams, ScriptedPolicy
from astro.interfaces import Backend
from astro.requests import Failure, Generate, LogProb
from astro.testing import PolicyConformance
from astro.types import Completion, FinishReason

SCRIPT = {
    "lines": ["one step\n", "another step\n", "a third\n"],
    "answers": ["answer 1\n", "answer 2\n"],
    "length": 4,
    "steps_to_finish": 3,
}


class TestScripted(PolicyConformance):
    name = "scripted"
    params: Mapping[str, Any] = SCRIPT


@dataclass
class Tampered:
    """The scripted policy, with its requests or its replies tampered with."""

    before: Callable[[Generate, int], Generate] = lambda request, _: request
    after: Callable[[Generate, Completion], Completion] = lambda _, completion: completion
    repeat: bool = False

    def __post_init__(self) -> None:
        self.policy = ScriptedPolicy(ScriptedParams.model_validate(SCRIPT))
        self.asked: dict[int, Generate] = {}

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        if isinstance(request, Generate):
            self.asked[ticket] = request
            request = self.before(request, len(self.asked))
        self.policy.add(ticket, request)

    def step(self, block: bool = False) -> list[tuple[int, Any]]:  # noqa: ARG002
        replies = [self._reply(*answered) for answered in self.policy.step()]
        return replies * 2 if self.repeat else replies

    def _reply(self, ticket: int, reply: Any) -> tuple[int, Any]:
        request = self.asked.pop(ticket, None)
        if request is None or isinstance(reply, Failure):
            return ticket, reply
        return ticket, [self.after(request, completion) for completion in reply]


class Crashing(Tampered):
    def step(self, block: bool = False) -> list[tuple[int, Any]]:  # noqa: ARG002
        if any(request.n == 0 for request in self.asked.values()):
            raise ValueError("n must be positive")
        return super().step()


def shared_seed(request: Generate, queued: int) -> Generate:
    return replace(request, seed=queued)


def hot(request: Generate, _: int) -> Generate:
    return replace(request, temperature=1.0)


def without_stop(_: Generate, completion: Completion) -> Completion:
    text = completion.text[:-1] if completion.finish_reason is FinishReason.STOP else ""
    return replace(completion, text=text or completion.text)


def unstopped(request: Generate, _: int) -> Generate:
    return replace(request, stop=())


def longer(request: Generate, _: int) -> Generate:
    return replace(request, max_tokens=request.max_tokens + 1)


def impossible(_: Generate, completion: Completion) -> Completion:
    return replace(completion, logprobs=(-inf,) * len(completion.token_ids))


def short(_: Generate, completion: Completion) -> Completion:
    return replace(completion, logprobs=completion.logprobs[1:])


@pytest.mark.parametrize(
    ("policy", "test"),
    [
        (Tampered(before=shared_seed), "test_a_sample_depends_on_its_seed_alone"),
        (Tampered(before=shared_seed), "test_sample_i_is_the_same_whatever_n"),
        (Tampered(before=hot), "test_greedy_is_deterministic"),
        (Tampered(after=without_stop), "test_a_stop_string_ends_the_text_and_stays_in_it"),
        (Tampered(before=unstopped), "test_a_stop_string_ends_the_text_and_stays_in_it"),
        (Tampered(before=longer), "test_max_tokens_is_a_limit"),
        (Tampered(after=impossible), "test_a_completion_is_consistent"),
        (Tampered(after=short), "test_a_completion_is_consistent"),
        (Tampered(repeat=True), "test_a_completion_is_consistent"),
    ],
)
def test_a_fault_is_found(policy: Backend, test: str) -> None:
    with pytest.raises(AssertionError):
        getattr(TestScripted(), test)(policy)


def test_a_backend_that_is_lost_to_one_request_is_found() -> None:
    with pytest.raises(ValueError, match="positive"):
        TestScripted().test_what_cannot_be_served_is_a_failure_of_its_own(Crashing())
