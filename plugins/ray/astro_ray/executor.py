"""The executor `ray`: programs run in this process, and their requests in Ray actors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from astro.engine.executor import ExecutorJob
from astro.engine.loop import Engine
from astro.engine.tasks import Outcome, Task
from astro.errors import RunError
from astro.plugins.registry import Registry
from astro.plugins.secrets import revealed
from astro.requests import VERIFIER
from astro_ray.cluster import connected, workers_that_fit
from astro_ray.fleet import Fleet
from astro_ray.params import ExecutorParams


class RayExecutor:
    """Runs one engine over the models and verifiers of many workers.

    The programs run beside the journal, so each reply is in the journal before its program
    continues, and a lost worker costs no more than its unanswered requests.
    """

    def __init__(self, params: ExecutorParams, registry: Registry | None = None) -> None:  # noqa: ARG002
        """Connect to Ray only when `run` is called. Workers discover plugins by themselves."""
        self._params = revealed(params)
        self._fleet: Fleet | None = None

    def run(self, tasks: Sequence[Task[Any]], job: ExecutorJob) -> Iterator[Outcome]:
        """Yield the outcome of each task as soon as it is known.

        Raises:
            AstroError: The run cannot continue.
        """
        if not tasks:
            return
        with connected(self._params.address):
            workers = self._workers()
            fleet = self._fleet = Fleet(self._params, workers, job.models, job.verifier)
            with closing(fleet):
                engine = Engine(
                    dict.fromkeys([*job.models, VERIFIER], fleet),
                    seed=job.seed,
                    concurrency=workers * self._params.concurrency,
                    journal=job.journal,
                    budget=job.budget,
                )
                yield from engine.run(tasks)

    def usage(self) -> Mapping[str, Mapping[str, float]]:
        """Return the counters of each role's models, summed over workers, of the latest run."""
        return self._fleet.usage() if self._fleet else {}

    def _workers(self) -> int:
        fit = workers_that_fit(self._params)
        wanted = self._params.workers or max(fit, 1)
        if wanted > fit:
            demand = ", ".join(f"{n:g} {name}" for name, n in self._params.demand().items())
            raise RunError(
                f"{wanted} workers of {demand} do not fit: the cluster holds {fit}",
                "set executor.params.workers, num_cpus or num_gpus lower, or add nodes",
            )
        return wanted
