"""Where the programs of a run are driven: in this process, or on many machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

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
        policy: Binding,
        verifier: VerifierBinding,
        journal: Journal,
        budget: Budget,
        seed: int,
    ) -> Iterator[Outcome]:
        """Yield each task's outcome as it comes, in no particular order. Every reply is in the
        journal before its program goes on."""
