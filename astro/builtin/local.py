"""The executor that runs everything in this process, beside a pool of verifier processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from astro.engine.budget import Budget
from astro.engine.journal import Journal
from astro.engine.loop import Engine
from astro.engine.tasks import Outcome, Task
from astro.interfaces import HasCounters, PolicyBackend
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.params import Params
from astro.plugins.registry import Registry
from astro.rehearsal.rehearsable import RehearsalScale, capped
from astro.requests import Failure, Generate, LogProb, Reply
from astro.verification.pool import VerifierPool


class LocalParams(Params):
    """Params of executor `local`."""

    concurrency: Annotated[int, Field(ge=1, description="programs alive at once")] = 64

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:  # noqa: ARG002
        """A few programs at once."""
        return capped(self, concurrency=8)


class LocalExecutor:
    """One engine over one policy. The policy is built at the first request that needs it."""

    def __init__(self, params: LocalParams) -> None:
        self._params = params
        self._policy: _LazyPolicy | None = None

    def run(
        self,
        tasks: Sequence[Task[Any]],
        *,
        policy: Binding,
        verifier: VerifierBinding,
        journal: Journal,
        budget: Budget,
        seed: int,
    ) -> Iterator[Outcome]:
        """Yield each task's outcome as it comes. Raises `PolicyError`, `PluginError`."""
        lazy = self._policy = _LazyPolicy(policy)
        with VerifierPool(verifier) as pool:
            engine = Engine(
                lazy,
                pool,
                seed=seed,
                concurrency=self._params.concurrency,
                journal=journal,
                budget=budget,
            )
            try:
                yield from engine.run(tasks)
            finally:
                lazy.close()

    def counters(self) -> Mapping[str, float]:
        """Those of the policy at work, or of the last one; none if it does not count."""
        return self._policy.counters() if self._policy else {}


class _LazyPolicy:
    """A policy that is built when it is first asked: linearising may never need its model."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._policy: PolicyBackend | None = None
        self._last: Mapping[str, float] = {}

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        if self._policy is None:
            self._policy = Registry.discover().build("policy", self._binding)
        self._policy.add(ticket, request)

    def step(self) -> list[tuple[int, Reply | Failure]]:
        return self._policy.step() if self._policy else []

    def counters(self) -> Mapping[str, float]:
        return self._policy.counters() if isinstance(self._policy, HasCounters) else self._last

    def close(self) -> None:
        """No call follows a policy's own `close`, so its last counters are kept."""
        self._last = self.counters()
        if self._policy:
            self._policy.close()
        self._policy = None
