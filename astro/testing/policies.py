"""The conformance kit for policies.

# tests/test_conformance.py
class TestMyEngine(PolicyConformance):
    name = "my_engine"
    params = {"model": "some/tiny-model"}
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from astro.interfaces import Backend
from astro.requests import Failure, Generate, LogProb, Reply, Request, Score
from astro.testing.plugins import PluginConformance
from astro.types import Completion, FinishReason, Prompt

_EMPTY_STEP_SECONDS = 0.5
_ROUNDING = 1e-3
"""Log-probabilities may differ by this much between batches of different shapes."""


def all_replies(policy: Backend, requests: Iterable[Request], every: int = 0) -> list[Any]:
    """Return the replies to `requests` in order.

    With `every`, requests are added one at a time, so many steps apart; else all at once.
    """
    pending = list(enumerate(requests))
    replies: dict[int, Any] = {}
    total, steps = len(pending), 0
    while len(replies) < total:
        while pending and (not every or steps % every == 0):
            policy.add(*pending.pop(0))
            if every:
                break
        for ticket, reply in policy.step():
            assert ticket not in replies, f"ticket {ticket} was answered twice"
            replies[ticket] = reply
        steps += 1
    assert list(policy.step()) == [], "a ticket was answered twice"
    return [replies[i] for i in range(total)]


class PolicyConformance(PluginConformance):
    """Subclass it, name the subclass `Test...`, and set `name` and `params`.

    One policy is built for all tests of the class, and closed after them.
    """

    kind = "policy"
    prompts: Sequence[Prompt] = (Prompt("3 5 8"), Prompt("What is 6 x 7?"), Prompt("1", "2\n"))
    """Different prompts that the policy can answer."""

    max_tokens = 16
    """The limit on tokens in most requests."""

    seconds = 60.0
    """Seconds that the replies to the requests of one test may take."""

    @pytest.fixture(scope="class")
    @classmethod
    def policy(cls) -> Iterator[Backend]:
        policy: Backend = cls._build()
        yield policy
        policy.add(0, Generate(cls.prompts[0]))
        policy.close()  # with work under way

    def test_an_empty_queue_costs_no_time(self, policy: Backend) -> None:
        began = time.monotonic()
        assert list(policy.step()) == [], "a step without requests has no replies"
        took = time.monotonic() - began
        assert took < _EMPTY_STEP_SECONDS, f"a step without requests took {took:.2f} s"

    def test_a_completion_is_consistent(self, policy: Backend) -> None:
        asked = [
            self._generate(prompt, n=3, seed=seed, temperature=temperature)
            for seed, prompt in enumerate(self.prompts)
            for temperature in (0.0, 0.7, 1.0)
        ]
        for request, completions in zip(asked, self._completions(policy, asked), strict=True):
            for completion in completions:
                _check(request, completion)

    def test_greedy_is_deterministic(self, policy: Backend) -> None:
        asked = [
            self._generate(prompt, n=2, seed=seed, temperature=0.0)
            for prompt in self.prompts
            for seed in (1, 2)
        ]
        replies = self._completions(policy, asked)
        for one, other in zip(replies[::2], replies[1::2], strict=True):
            assert _alike(one, other), f"at temperature 0 the seed matters: {one!r:.200}"
            assert _alike(one[:1], one[1:]), f"samples differ at temperature 0: {one!r:.200}"

    def test_a_sample_depends_on_its_seed_alone(self, policy: Backend) -> None:
        asked = [
            self._generate(
                prompt, n=1 + number % 3, seed=number, max_tokens=self.max_tokens - number
            )
            for number, prompt in enumerate([*self.prompts, *self.prompts])
        ]
        together = self._completions(policy, asked)
        backward = self._completions(policy, asked[::-1])[::-1]
        apart = [self._completions(policy, [request])[0] for request in asked]
        for i, one in enumerate(together):
            assert _alike(one, backward[i]), f"the order of requests changed {asked[i]}"
            assert _alike(one, apart[i]), f"the rest of the batch changed {asked[i]}"

    def test_sample_i_is_the_same_whatever_n(self, policy: Backend) -> None:
        few, many = self._completions(
            policy, [self._generate(self.prompts[0], n=n, seed=4) for n in (2, 5)]
        )
        assert _alike(few, many[:2]), "the number of samples changed the first two"

    def test_requests_that_join_later_change_nothing(self, policy: Backend) -> None:
        asked = [self._generate(p, n=2, seed=i) for i, p in enumerate(self.prompts)]
        together = self._completions(policy, asked)
        late = self._replies(policy, asked, steps_between=1)
        for request, one, other in zip(asked, together, late, strict=True):
            same = _alike(one, _completions(request, other))
            assert same, f"requests that joined later changed {request!r:.200}"

    def test_a_stop_string_ends_the_text_and_stays_in_it(self, policy: Backend) -> None:
        for seed, prompt in enumerate(self.prompts):
            free = self._generate(prompt, seed=seed)
            (whole,) = self._completions(policy, [free])[0]
            stop = whole.text[len(whole.text) // 2 :][:1]
            if not stop:
                continue
            (cut,) = self._completions(policy, [replace(free, stop=(stop, "no such words"))])[0]
            assert cut.finish_reason is FinishReason.STOP, f"{stop!r} did not end {cut!r:.200}"
            assert stop in cut.text, f"{stop!r} was cut off {cut.text!r}"
            assert whole.text.startswith(cut.text), f"{cut.text!r} does not begin {whole.text!r}"
            self._check_first(policy, free, stop, cut)

    def test_max_tokens_is_a_limit(self, policy: Backend) -> None:
        for limit in (1, 2, self.max_tokens):
            asked = [self._generate(prompt, max_tokens=limit) for prompt in self.prompts]
            for request, (completion,) in zip(asked, self._completions(policy, asked), strict=True):
                _check(request, completion)

    def test_scoring_gives_one_number_a_token(self, policy: Backend) -> None:
        texts = ("5 + 8", "42\n", "")
        (reply,) = self._replies(policy, [LogProb(self.prompts[0], texts)])
        if isinstance(reply, Failure):
            pytest.skip(f"it does not score given text: {reply.reason}")
        scored = isinstance(reply, list) and len(reply) == len(texts)
        assert scored, f"expected log-probabilities of {len(texts)} texts, got {reply!r:.200}"
        assert isinstance(reply, list)
        for text, logprobs in zip(texts, reply, strict=True):
            assert isinstance(logprobs, tuple), f"expected a tuple, got {logprobs!r:.200}"
            _check_logprobs(logprobs)
            assert bool(logprobs) == bool(text), f"{text!r} has the log-probabilities {logprobs}"

    def test_what_cannot_be_served_is_a_failure_of_its_own(self, policy: Backend) -> None:
        sound = [self._generate(prompt, seed=i) for i, prompt in enumerate(self.prompts)]
        alone = self._completions(policy, sound)
        odd = self._odd()
        replies = self._replies(policy, [*odd, *sound])
        for request, reply in zip(odd, replies, strict=False):
            assert isinstance(reply, Failure | list), f"{request!r:.80}: {reply!r:.80}"
            assert not isinstance(reply, Failure) or reply.reason, "a failure says why"
        for request, one, other in zip(sound, alone, replies[len(odd) :], strict=True):
            assert _alike(one, _completions(request, other)), "an odd request changed a sound one"

    def test_it_survives_any_text(self, policy: Backend) -> None:
        texts = ("\N{GREEK SMALL LETTER PI} \u05d0\u05d1 \U0001f600", "a\u0301" * 9, "\x00\x1b[2J")
        asked = [self._generate(Prompt(text)) for text in texts]
        for request, reply in zip(asked, self._replies(policy, asked), strict=True):
            for completion in reply if isinstance(reply, list) else ():
                assert isinstance(completion, Completion), f"got {completion!r:.200}"
                _check(request, completion)

    def _odd(self) -> list[Request]:
        """Requests that a policy need not serve, and must survive."""
        first = self.prompts[0]
        return [
            self._generate(first, n=0),
            self._generate(first, max_tokens=0),
            self._generate(Prompt("word " * 200_000)),
            self._generate(Prompt("")),
            self._generate(Prompt("\ud800")),
            self._generate(replace(first, response="?", token_ids=(2**31 - 1, -7))),
            LogProb(first, ("word " * 200_000,)),
            LogProb(first, ()),
            Score(first, ("5 + 8 = 13\n", "42\n")),
        ]

    def _generate(self, prompt: Prompt, **changes: object) -> Generate:
        return replace(Generate(prompt, max_tokens=self.max_tokens), **changes)  # type: ignore[arg-type]

    def _completions(self, policy: Backend, requests: Sequence[Generate]) -> list[list[Completion]]:
        return [
            _completions(request, reply)
            for request, reply in zip(requests, self._replies(policy, requests), strict=True)
        ]

    def _replies(
        self,
        policy: Backend,
        requests: Sequence[Request],
        steps_between: int = 0,
    ) -> list[Reply | Failure]:
        """The replies in the order of the requests. Each ticket has to be answered exactly once."""
        deadline = time.monotonic() + self.seconds
        found: dict[int, Reply | Failure] = {}
        tickets = [1000 - 7 * number for number in range(len(requests))]
        for ticket, request in zip(tickets, requests, strict=True):
            policy.add(ticket, request)
            for _ in range(steps_between):
                _collect(policy, found, tickets)
        while len(found) < len(requests):
            _collect(policy, found, tickets)
            assert time.monotonic() < deadline, f"no reply within {self.seconds:g} s"
        assert list(policy.step()) == [], "a ticket was answered twice"
        return [found[ticket] for ticket in tickets]

    def _check_first(self, policy: Backend, free: Generate, stop: str, cut: Completion) -> None:
        """Check that the stop string is complete only with the last token."""
        if len(cut.token_ids) > 1:
            shorter = replace(free, max_tokens=len(cut.token_ids) - 1)
            (before,) = self._completions(policy, [shorter])[0]
            assert stop not in before.text, f"{cut.text!r} goes on after its first {stop!r}"


def _collect(policy: Backend, found: dict[int, Reply | Failure], tickets: Sequence[int]) -> None:
    for ticket, reply in policy.step():
        assert ticket in tickets, f"ticket {ticket} was never asked for"
        assert ticket not in found, f"ticket {ticket} was answered twice"
        found[ticket] = reply


def _completions(request: Generate, reply: Reply | Failure) -> list[Completion]:
    assert not isinstance(reply, Failure), f"{request!r:.200}: {reply.reason}"
    replies = reply if isinstance(reply, list) else []
    completions = [part for part in replies if isinstance(part, Completion)]
    whole = len(replies) == len(completions) == request.n
    assert whole, f"expected a list of {request.n} completions, got {reply!r:.200}"
    return completions


def _check(request: Generate, completion: Completion) -> None:
    """Check the limits, and that there is one log-probability per token id, if there are both."""
    ids, logprobs = completion.token_ids, completion.logprobs
    reason, limit = completion.finish_reason, request.max_tokens
    paired = not (ids and logprobs) or len(ids) == len(logprobs)
    assert paired, f"{len(ids)} token ids have {len(logprobs)} log-probabilities"
    assert len(ids) <= limit, f"{len(ids)} tokens exceed max_tokens, {limit}"
    _check_logprobs(logprobs)
    assert reason in FinishReason, f"{reason!r} is no FinishReason"
    if reason is FinishReason.LENGTH and ids:
        assert len(ids) == limit, f"cut off by max_tokens {limit} after {len(ids)} tokens"
    if reason is FinishReason.STOP:
        stopped = any(stop in completion.text for stop in request.stop)
        assert stopped, f"{completion.text!r:.200} ended by a stop string contains none"


def _check_logprobs(logprobs: Sequence[float]) -> None:
    wrong = [p for p in logprobs if not (math.isfinite(p) and p <= _ROUNDING)]
    assert not wrong, f"log-probabilities are finite and at most 0, got {wrong[:3]}"


def _alike(one: Sequence[Completion], other: Sequence[Completion]) -> bool:
    """Whether two replies are equal, in log-probabilities up to rounding."""
    return len(one) == len(other) and all(
        (a.text, a.token_ids, a.finish_reason) == (b.text, b.token_ids, b.finish_reason)
        and len(a.logprobs) == len(b.logprobs)
        and all(abs(p - q) <= _ROUNDING for p, q in zip(a.logprobs, b.logprobs, strict=True))
        for a, b in zip(one, other, strict=True)
    )
