"""The executor that runs everything in this process, beside a pool of verifier processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from astro.engine.executor import ExecutorJob
from astro.engine.loop import Engine
from astro.engine.tasks import Outcome, Task
from astro.interfaces import Backend, HasCounters
from astro.plugins.binding import Binding
from astro.plugins.params import Params
from astro.plugins.registry import Registry
from astro.rehearsal.rehearsable import RehearsalScale, capped
from astro.requests import VERIFIER, Failure, Reply
from astro.verification.pool import VerifierPool


class LocalParams(Params):
    """Params of executor `local`."""

    concurrency: Annotated[int, Field(ge=1, le=100_000, description="programs alive at once")] = 64

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:  # noqa: ARG002
        """A few programs at once."""
        return capped(self, concurrency=8)


class LocalExecutor:
    """One engine over the models of a run, each built at the first request for its role."""

    def __init__(self, params: LocalParams, registry: Registry | None = None) -> None:
        self._params = params
        self._registry = registry or Registry.discover()
        self._models: dict[str, _LazyModel] = {}

    def run(self, tasks: Sequence[Task[Any]], job: ExecutorJob) -> Iterator[Outcome]:
        """Yield the outcome of each task as soon as it is known.

        Raises:
            PolicyError: A model cannot be built, or cannot continue.
            PluginError: A plugin cannot be loaded.
        """
        with VerifierPool(job.verifier, self._registry) as pool:
            lazy = self._models = {
                role: _LazyModel(binding, self._registry, pool.prepare)
                for role, binding in job.models.items()
            }
            engine = Engine(
                {**lazy, VERIFIER: pool},
                seed=job.seed,
                concurrency=self._params.concurrency,
                journal=job.journal,
                budget=job.budget,
            )
            try:
                yield from engine.run(tasks)
            finally:
                for model in lazy.values():
                    model.close()

    def usage(self) -> Mapping[str, Mapping[str, float]]:
        """The counters of each role's model that counts."""
        counters = {role: model.counters() for role, model in self._models.items()}
        return {role: counted for role, counted in counters.items() if counted}


class _LazyModel:
    """A model that is built at its first request: linearizing may never need its policy.

    `meanwhile` begins work that other processes do while it is built.
    """

    def __init__(self, binding: Binding, registry: Registry, meanwhile: Callable[[], None]) -> None:
        self._binding = binding
        self._registry = registry
        self._meanwhile = meanwhile
        self._backend: Backend | None = None
        self._last: Mapping[str, float] = {}

    def add(self, ticket: int, request: Any) -> None:
        if self._backend is None:
            self._meanwhile()
            self._backend = self._registry.build_model(self._binding)
        self._backend.add(ticket, request)

    def step(self, block: bool = False) -> Sequence[tuple[int, Reply | Failure]]:
        return self._backend.step(block) if self._backend else []

    def counters(self) -> Mapping[str, float]:
        return self._backend.counters() if isinstance(self._backend, HasCounters) else self._last

    def close(self) -> None:
        """Close the model; its last counters are kept, since no call may follow its `close`."""
        self._last = self.counters()
        if self._backend:
            self._backend.close()
        self._backend = None
