"""Where the programs of a run are driven: in this process, or on many machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from astro.engine.budget import Budget
from astro.engine.journal import Journal
from astro.engine.tasks import Outcome, Task
from astro.plugins.binding import Binding, VerifierBinding


@dataclass(frozen=True, slots=True)
class ExecutorJob:
    """What an executor runs tasks with.

    Attributes:
        models: Policies and reward models by role, `"policy"` among them.
        verifier: The verifier and the limits of its pool.
        journal: The record of replies and results.
        budget: What the tasks may spend.
        seed: The seed of the run.
    """

    models: Mapping[str, Binding]
    verifier: VerifierBinding
    journal: Journal
    budget: Budget
    seed: int


class Executor(Protocol):
    """Runs tasks to their outcomes, in this process or on many machines."""

    def run(self, tasks: Sequence[Task[Any]], job: ExecutorJob) -> Iterator[Outcome]:
        """Yield the outcome of each task as soon as it is known, in no particular order.

        Each model is built at the first request for its role. Every reply is in the journal before
        its program continues.
        """


@runtime_checkable
class HasUsage(Protocol):
    """An executor that knows what its models count."""

    def usage(self) -> Mapping[str, Mapping[str, float]]:
        """Counters (see `HasCounters`) by role, of every model that was asked.

        They are those of the run under way, or of the last one.
        """
