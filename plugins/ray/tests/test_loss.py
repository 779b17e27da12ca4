"""What is killed with SIGKILL changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil
import pytest

from astro.engine.tasks import Outcome
from astro.errors import PolicyError

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("here")]
Workers = Callable[[psutil.Process, int], list[psutil.Process]]


def test_a_lost_worker_changes_nothing(runs: Any, workers: Workers) -> None:
    outcomes: dict[str, Outcome] = {}
    for outcome in runs.start("ray", workers=2, concurrency=8):
        outcomes[outcome.key] = outcome
        if len(outcomes) in (3, 15):
            workers(psutil.Process(), 2)[0].kill()
    assert outcomes == runs.whole("local")
    assert runs.journal("ray") == runs.journal("local")


def test_the_last_worker_ends_the_run_which_then_goes_on(runs: Any, workers: Workers) -> None:
    outcomes: dict[str, Outcome] = {}
    with pytest.raises(PolicyError, match=r"the last worker was lost: .*; run the same command"):
        for outcome in runs.start("ray", workers=2, concurrency=8, restarts=0):
            outcomes[outcome.key] = outcome
            if len(outcomes) == 3:
                for worker in workers(psutil.Process(), 2):
                    worker.kill()
    local = runs.whole("local")
    assert len(outcomes) < len(local)
    assert 0 < len(runs.journal("ray")) < len(runs.journal("local"))
    runs.tasks = [task for task in runs.tasks if task.key not in outcomes]
    outcomes |= runs.whole("ray", workers=2, concurrency=8)
    assert outcomes == local
    assert runs.journal("ray") == runs.journal("local")
