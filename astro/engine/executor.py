"""Where the programs of a run are driven: in this process, or on many machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from astro.engine.budget import Budget
from astro.engine.journal import Journal
from astro.engine.tasks import Outcome, Task
from astro.plugins.binding import Binding, VerifierBinding


class Executor(Protocol):
    """Runs tasks to their outcomes, in this process or on many machines."""

    def run(
        self,
        tasks: Sequence[Task[Any]],
        *,
        models: Mapping[str, Binding],
        verifier: VerifierBinding,
        journal: Journal,
        budget: Budget,
        seed: int,
    ) -> Iterator[Outcome]:
        """Yield each task's outcome as it comes, in no particular order.

        `models` are policies and reward models by role, `"policy"` among them; each is built at the
        first request for its role. Every reply is in the journal before its program goes on.
        """


@runtime_checkable
class HasUsage(Protocol):
    """An executor that knows what its models count."""

    def usage(self) -> Mapping[str, Mapping[str, float]]:
        """The counters of each role's model (see `HasCounters`) that was asked, as of now or of
        the end of the last run."""
