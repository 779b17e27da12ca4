"""The engine: it keeps many programs alive over the models of a run.

Each program's requests go to their backends as soon as it makes them, and it resumes as soon as
their replies are there. So batching across problems, leaves, rollouts and stages is one code path,
and verification runs beside generation.
"""

from __future__ import annotations

import gc
import itertools
import logging
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from astro.engine.budget import Budget
from astro.engine.journal import Journal, Recording, Replies
from astro.engine.tasks import Outcome, Task
from astro.engine.waves import Wave, next_wave, seeded, wanted
from astro.errors import AstroError, PolicyError
from astro.interfaces import Backend
from astro.requests import (
    BudgetExhausted,
    Failure,
    Generate,
    Program,
    Reply,
    Request,
    Verify,
)
from astro.types import BYTES_PER_TOKEN, LEAST_LOGPROB, Completion, estimated_tokens

R = TypeVar("R")
_COLLECT_AFTER = (50_000, 10, 1_000)
"""New objects, and collections of the younger generation; Python's own default is (700, 10, 10)."""
_MOST_REFUSALS = 100
"""How many batches a program may still request after its budget is spent, before it fails."""


@dataclass(slots=True)
class _Live:
    """A program in flight: its batch of requests, the replies so far, and what it has spent.

    `asked` counts the samples asked for by each request of the batch, and `missing` the replies
    that are still to come. `refusals` counts the batches at which its budget was spent.
    """

    task: Task[Any]
    program: Program[Any]
    recording: Recording | None
    started: float
    number: int = 0
    requests: list[Request] = field(default_factory=list)
    replies: Replies | None = None
    asked: list[int] = field(default_factory=list)
    missing: int = 0
    spent_requests: int = 0
    spent_tokens: int = 0
    refusals: int = 0


class Engine:
    """Drives tasks to their outcomes.

    `backends` serve the requests by role (`request.model`); one backend may serve several roles.
    A request for a role that is not there fails its program.

    Every `Generate` gets a seed derived from (`seed`, task key, number of the request in its
    program), so results do not depend on `concurrency`. With a `journal`, each reply is durable
    before its program goes on, and recorded replies are used instead of asking again. `budget`
    bounds what each program may spend; its tokens are those that all roles generate.
    """

    def __init__(
        self,
        backends: Mapping[str, Backend],
        *,
        seed: int,
        concurrency: int = 64,
        journal: Journal | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._backends = backends
        self._distinct = list({id(backend): backend for backend in backends.values()}.values())
        self._under_way: Counter[int] = Counter()
        self._seed = seed
        self._concurrency = concurrency
        self._journal = journal
        self._budget = budget or Budget()
        self._tickets = itertools.count()
        self._asked: dict[int, tuple[_Live, int, Request]] = {}
        self._estimates = False
        self._ready: list[_Live] = []

    def run(self, tasks: Iterable[Task[R]]) -> Iterator[Outcome]:
        """Yield each task's outcome as it comes, in no particular order.

        A program that raises, or a request that cannot be served, fails its task alone. Raises
        `PolicyError` when a backend is lost as a whole; the journal then holds all that was done.
        """
        with _rare_collections():
            yield from self._run(iter(tasks))

    def _run(self, waiting: Iterator[Task[R]]) -> Iterator[Outcome]:
        live = 0
        while True:
            for task in itertools.islice(waiting, self._concurrency - live):
                live += 1
                self._ready.append(self._start(task))
            if not live:
                return
            for outcome in self._wake():
                live -= 1
                yield outcome
            self._collect()

    def _start(self, task: Task[Any]) -> _Live:
        recording = self._journal.recorded(task.key) if self._journal else None
        return _Live(task, task.start(), recording, time.monotonic())

    def _wake(self) -> Iterator[Outcome]:
        """Resume every program whose replies are complete, once they are durable."""
        ready, self._ready = self._ready, []
        if self._journal:
            self._journal.commit()
        for live in ready:
            outcome = self._advance(live)
            if outcome is not None:
                yield outcome

    def _advance(self, live: _Live) -> Outcome | None:
        """Send replies, recorded ones included, until the program ends or makes new requests."""
        while True:
            failed = next((r for r in _answers(live) if isinstance(r, Failure)), None)
            if failed is not None:
                live.program.close()
                return self._failure(live, failed.reason)
            try:
                live.requests = self._seeded(live, _resume(live))
            except StopIteration as stop:
                return Outcome(live.task.key, stop.value, tokens=live.spent_tokens)
            except BudgetExhausted:
                return self._failure(live, "its budget was spent before it had a result")
            except Exception as error:  # a program's error fails its task, not the run
                return self._failure(live, f"{type(error).__name__}: {error}")
            if live.recording is None or live.number >= len(live.recording):
                self._ask(live)
                return None
            recorded = live.recording.replies(live.number, live.requests)
            live.replies = BudgetExhausted() if recorded is None else recorded
            _account(live)

    def _failure(self, live: _Live, reason: str) -> Outcome:
        return Outcome(live.task.key, failure=reason, tokens=live.spent_tokens)

    def _seeded(self, live: _Live, requests: list[Request]) -> list[Request]:
        first = live.spent_requests
        live.spent_requests += len(requests)
        return seeded(requests, self._seed, live.task.key, first)

    def _ask(self, live: _Live) -> None:
        live.replies = [None] * len(live.requests)
        live.asked = [0] * len(live.requests)
        self._ask_more(live)

    def _ask_more(self, live: _Live) -> None:
        """Ask for what the budget pays for. The batch is over when all is there, or it is spent."""
        wave = self._wave(live)
        if not wave:
            self._complete(live)
        live.missing = len(wave)
        for i, part in wave:
            live.asked[i] += wanted(part)
            ticket = next(self._tickets)
            self._asked[ticket] = (live, i, part)
            self._add(ticket, part)

    def _wave(self, live: _Live) -> Wave:
        budget, left = self._budget, None
        if budget.tokens is not None:
            left = budget.tokens - live.spent_tokens - _tokens(live)
        wave = next_wave(live.requests, live.asked, left)
        over = (budget.requests is not None and live.spent_requests > budget.requests) or (
            budget.seconds is not None and time.monotonic() - live.started > budget.seconds
        )
        return [part for part in wave if isinstance(part[1], Verify)] if over else wave

    def _add(self, ticket: int, request: Request) -> None:
        """Queue a request at the backend of its role, or fail it."""
        try:
            backend = self._backends.get(request.model)
            if backend is None:
                self._deliver(ticket, Failure(_no_such_model(request.model)))
                return
            backend.add(ticket, request)
        except AstroError:
            raise
        except Exception as error:  # the backend boundary: an error on one request fails that alone
            self._deliver(ticket, Failure(f"{type(error).__name__}: {error}"))
        else:
            self._under_way[id(backend)] += 1

    def _collect(self) -> None:
        """Advance every backend that has work, waiting only if there is nothing else to do."""
        busy = [backend for backend in self._distinct if self._under_way[id(backend)]]
        for backend in busy:
            block = len(busy) == 1 and not self._ready
            for ticket, reply in self._step(backend, block=block):
                self._under_way[id(backend)] -= 1
                self._deliver(ticket, _sound(reply))

    def _step(self, backend: Backend, *, block: bool) -> Sequence[tuple[int, Reply | Failure]]:
        try:
            return backend.step(block)
        except AstroError:
            raise
        except Exception as error:  # the backend boundary: only its requests in flight are lost
            role = next(role for role, other in self._backends.items() if other is backend)
            keys = sorted({live.task.key for live, *_ in self._asked.values()})
            raise PolicyError(
                f"the {role} was lost ({type(error).__name__}: {error}) "
                f"with {len(keys)} tasks in flight: {', '.join(keys)}",
                "run the same command again to go on",
            ) from error

    def _deliver(self, ticket: int, reply: Any) -> None:
        live, i, part = self._asked.pop(ticket)
        assert isinstance(live.replies, list)
        if isinstance(part, Generate) and isinstance(reply, list):
            reply = [*(live.replies[i] or ()), *self._counted(part, reply)]
        live.replies[i] = reply
        live.missing -= 1
        if live.missing:
            return
        if any(isinstance(reply, Failure) for reply in live.replies):
            self._ready.append(live)
        elif self._budget.tokens is None:  # the whole batch was one wave
            self._complete(live)
        else:
            self._ask_more(live)

    def _counted(self, request: Generate, reply: list[Completion]) -> Iterator[Completion]:
        """The completions, with an estimate where nothing tells how many tokens one has."""
        for completion in reply:
            if completion.token_ids or completion.tokens or not completion.text:
                yield completion
                continue
            if not self._estimates:
                self._estimates = True
                logging.getLogger(__name__).warning(
                    "the %s does not tell how many tokens it generates: they are estimated, "
                    "at %d bytes of text each",
                    request.model,
                    BYTES_PER_TOKEN,
                )
            estimate = min(estimated_tokens(completion.text), request.max_tokens)
            yield replace(completion, counted=estimate)

    def _complete(self, live: _Live) -> None:
        """Record what came back; what is still wanted then is what the budget did not pay for."""
        if any(map(_short, live.requests, live.asked)):
            came = zip(live.requests, _answers(live), strict=True)
            live.replies = BudgetExhausted(
                [[] if reply is None and isinstance(r, Generate) else reply for r, reply in came]
            )
        if self._journal:
            assert live.replies is not None
            self._journal.append(live.task.key, live.number, live.requests, live.replies)
        _account(live)
        self._ready.append(live)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Trees are many long-lived objects, which the collector would otherwise walk repeatedly."""
    before = gc.get_threshold()
    gc.set_threshold(*map(max, before, _COLLECT_AFTER))
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _resume(live: _Live) -> list[Request]:
    """Start a program, send it its replies, or signal that its budget is spent."""
    if not isinstance(live.replies, BudgetExhausted):
        return next(live.program) if live.replies is None else live.program.send(live.replies)
    live.refusals += 1
    if live.refusals > _MOST_REFUSALS:
        live.program.close()
        raise RuntimeError("it went on asking for samples after its budget was spent")
    return live.program.throw(live.replies)


def _no_such_model(role: str) -> str:
    return f"there is no model {role!r} in this run; name one under models.{role} in the config"


def _sound(reply: Any) -> Any:
    """A reply as the journal can keep it.

    It has no lone surrogates. It is a `Failure` where scores or log-probabilities are not finite,
    except that `LEAST_LOGPROB` stands for a sampled token's log-probability of minus infinity.
    """
    if isinstance(reply, tuple):
        finite = all(map(math.isfinite, reply))
        return reply if finite else Failure("the reward model's scores are not finite")
    if not isinstance(reply, list) or all(map(_is_sound, reply)):
        return reply
    if not all(isinstance(part, Completion) for part in reply):
        return reply
    bounded = [_without_infinity(completion) for completion in reply]
    if not all(math.isfinite(sum(completion.logprobs)) for completion in bounded):
        return Failure("the policy's log-probabilities are not finite")
    return [_without_surrogates(completion) for completion in bounded]


def _is_sound(part: Any) -> bool:
    """Whether this is a completion that the journal can keep as it is, at a glance."""
    return (
        isinstance(part, Completion) and part.text.isascii() and math.isfinite(sum(part.logprobs))
    )


def _without_infinity(completion: Completion) -> Completion:
    if -math.inf not in completion.logprobs:
        return completion
    return replace(completion, logprobs=tuple(max(p, LEAST_LOGPROB) for p in completion.logprobs))


def _without_surrogates(completion: Completion) -> Completion:
    if completion.text.isascii():
        return completion
    text = completion.text.encode("utf-8", "replace").decode()
    return completion if text == completion.text else replace(completion, text=text)


def _answers(live: _Live) -> Sequence[Any]:
    """The replies of the batch so far."""
    replies = live.replies
    return replies.replies if isinstance(replies, BudgetExhausted) else replies or ()


def _short(request: Request, asked: int) -> bool:
    """Whether some of what a request asks for was not asked for."""
    return asked < wanted(request)


def _tokens(live: _Live) -> int:
    """The tokens that were generated for the batch so far."""
    return sum(
        completion.tokens
        for request, reply in zip(live.requests, _answers(live), strict=False)
        if isinstance(request, Generate) and isinstance(reply, list)
        for completion in reply
    )


def _account(live: _Live) -> None:
    """Count the program's batch."""
    live.number += 1
    live.spent_tokens += _tokens(live)
