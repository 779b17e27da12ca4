"""The workers of a run, and the assignment of problems to them."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from astro.errors import AstroError, PolicyError, VerifierError
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.secrets import redacted
from astro.requests import Request, Verify
from astro_ray.cluster import first_line
from astro_ray.params import ExecutorParams
from astro_ray.serving import Asked, Replied
from astro_ray.worker import Said, Usage, Worker

_STOP_SECONDS = 5.0
_CALLS = 3
"""Threads of an actor: `ask` and `stop` come while `replies` waits."""
_HOMES = 16
"""The worker is remembered for this multiple of the problems that workers can have at once."""
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Member:
    """A worker as the driver sees it.

    Attributes:
        worker: The handle of the actor.
        call: The pending call, if any.
        ready: Whether the actor has started.
        proven: Whether it has answered a request.
        asked: Requests that it has not answered yet, by ticket.
        problems: The number of those requests by problem.
        usage: The counters of its models by role, as last reported.
    """

    worker: Any
    call: Any | None
    ready: bool = False
    proven: bool = False
    asked: dict[int, Asked] = field(default_factory=dict)
    problems: Counter[str] = field(default_factory=Counter)
    usage: Usage = field(default_factory=dict)


class Fleet:
    """A `Backend` of all roles that sends requests to workers and collects their replies.

    A worker with free capacity takes the problem that has waited longest. It then gets all further
    requests of that problem, since it caches the prefixes and verdicts, unless another worker has
    less than half as many problems. The unanswered requests of a lost worker go to the others, or
    to the worker that replaces it.
    """

    def __init__(
        self,
        params: ExecutorParams,
        workers: int,
        models: Mapping[str, Binding],
        verifier: VerifierBinding,
    ) -> None:
        """Start `workers` actors without waiting for them."""
        self._params = params
        self._bindings = (dict(models), verifier)
        self._restarts = params.restarts
        self._waiting: defaultdict[str, list[Asked]] = defaultdict(list)
        self._homes: dict[str, _Member] = {}
        self._arrived: list[Replied] = []
        self._unanswered = 0
        self._lost: list[Usage] = []
        self._members = [self._start() for _ in range(workers)]

    def add(self, ticket: int, request: Request) -> None:
        """Queue a request."""
        asked = (ticket, request)
        self._waiting[_problem(asked)].append(asked)
        self._unanswered += 1

    def step(self, block: bool = False) -> list[Replied]:
        """Send queued requests, and return the replies that have arrived.

        With `block`, block until a worker replies, then drain all replies. A worker that starts or
        is lost also ends the wait.

        Raises:
            PolicyError: No worker is left, or none has started in time.
            VerifierError: A verifier failed, as it would on any worker.
            AstroError: A worker failed that has never answered a request.
        """
        if self._unanswered:
            self._pass_on()
            self._receive(block=block)
        arrived, self._arrived = self._arrived, []
        return arrived

    def usage(self) -> Usage:
        """Return the counters of each role's models, summed over workers, lost ones included."""
        total: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for usage in (*self._lost, *(member.usage for member in self._members)):
            for role, counters in usage.items():
                total[role].update(counters)
        return total

    def close(self) -> None:
        """Stop the workers with their models and verifiers."""
        with suppress(RayError):
            stops = [member.worker.stop.remote() for member in self._members if member.ready]
            if stops:
                ray.wait(stops, num_returns=len(stops), timeout=_STOP_SECONDS)
        for member in self._members:
            ray.kill(member.worker)

    def _start(self) -> _Member:
        params = self._params
        actor: Any = ray.remote(Worker).options(
            num_cpus=params.num_cpus,
            num_gpus=params.num_gpus,
            resources=params.resources,
            runtime_env={"env_vars": params.env},
            max_concurrency=_CALLS,
        )
        worker = actor.remote(*self._bindings)
        return _Member(worker, worker.ready.remote())

    def _pass_on(self) -> None:
        """Send the requests of each problem to its worker; without free capacity, they wait."""
        batches: defaultdict[_Member, list[Asked]] = defaultdict(list)
        for problem in list(self._waiting):
            member = self._home(problem)
            if member:
                batch = self._waiting.pop(problem)
                member.problems[problem] += len(batch)
                batches[member] += batch
        for member, batch in batches.items():
            member.asked.update((asked[0], asked) for asked in batch)
            member.worker.ask.remote(batch)
        for member in self._members:
            if member.asked and member.call is None:
                member.call = member.worker.replies.remote()

    def _home(self, problem: str) -> _Member | None:
        ready = [member for member in self._members if member.ready]
        if not ready:
            return None
        home = self._homes.pop(problem, None)
        least = min(ready, key=lambda member: len(member.problems))
        room = len(least.problems) < self._params.concurrency
        if room and (home is None or 2 * len(least.problems) + 1 < len(home.problems)):
            home = least
        if home is not None:
            self._homes[problem] = home
            if len(self._homes) > _HOMES * len(self._members) * self._params.concurrency:
                del self._homes[next(iter(self._homes))]
        return home

    def _receive(self, *, block: bool) -> None:
        """Drain the replies of all workers; with `block`, block until a worker replies."""
        calls = {member.call: member for member in self._members if member.call is not None}
        starting = not any(member.ready for member in self._members)
        patience = self._params.start_seconds if starting else None
        heard, rest = ray.wait(list(calls), timeout=patience if block else 0)
        if block and not heard:
            raise PolicyError(
                f"no worker started within {self._params.start_seconds:g} s",
                "`ray status` shows what the cluster waits for",
            )
        if heard and rest:
            heard += ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        for call in heard:
            self._on_reply(calls[call], call)

    def _on_reply(self, member: _Member, call: Any) -> None:
        try:
            said: Said = ray.get(call)
        except RayTaskError as error:
            if _fatal(error.cause, member.proven):
                raise error.cause from None
            self._lose(member, error.cause)
        except RayError as error:
            self._lose(member, error)
        else:
            member.ready, member.call = True, None
            replies, member.usage = said
            for ticket, reply in replies:
                self._settle(member, ticket, reply)

    def _settle(self, member: _Member, ticket: int, reply: Any) -> None:
        asked = member.asked.pop(ticket)
        problem = _problem(asked)
        member.problems[problem] -= 1
        if not member.problems[problem]:
            del member.problems[problem]
        member.proven = True
        self._unanswered -= 1
        self._arrived.append((ticket, reply))

    def _lose(self, member: _Member, error: BaseException) -> None:
        """Return the unanswered requests of a lost worker to the queue, and replace it.

        Raises:
            PolicyError: It was the last worker, and may not be replaced.
        """
        reason = redacted(self._params, first_line(error))
        ray.kill(member.worker)
        self._members.remove(member)
        self._lost.append(member.usage)
        self._homes = {key: home for key, home in self._homes.items() if home is not member}
        for asked in member.asked.values():
            self._waiting[_problem(asked)].append(asked)
        _log.warning("a worker was lost with %d requests: %s", len(member.asked), reason)
        if self._restarts:
            self._restarts -= 1
            self._members.append(self._start())
        elif not self._members:
            raise PolicyError(
                f"the last worker was lost: {reason}", "run the same command again to go on"
            )


def _fatal(error: BaseException, proven: bool) -> bool:
    """Whether any other worker would fail in the same way."""
    return isinstance(error, VerifierError) or (isinstance(error, AstroError) and not proven)


def _problem(asked: Asked) -> str:
    """Return a key that is the same for all requests of a problem."""
    request = asked[1]
    return request.problem.prompt if isinstance(request, Verify) else request.prompt.user
