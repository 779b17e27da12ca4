"""Run a verifier in threads under a watch, and measure the CPU time of its verdicts."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from astro.interfaces import Verifier
from astro.types import Problem, Verdict

Job = tuple[Problem, str]
"""A problem and a response to verify."""


@dataclass(frozen=True, slots=True)
class TimedVerdict:
    """A verdict, and the CPU seconds of its thread, which do not depend on the machine's load."""

    verdict: Verdict
    seconds: float


@dataclass(slots=True)
class _Worker:
    """What one thread has done: its verdicts by job number, its current job and when it began."""

    verdicts: dict[int, TimedVerdict] = field(default_factory=dict)
    job: int = 0
    since: float = field(default_factory=time.monotonic)
    fault: str = ""


def in_threads(
    verifier: Verifier, jobs: Sequence[Job], threads: int, patience: float
) -> list[list[TimedVerdict]]:
    """The verdicts that each thread gets for all jobs; each thread starts at a different job.

    Raises:
        AssertionError: the verifier raised, or one job took longer than `patience` seconds.
    """
    workers = [_Worker() for _ in range(threads)]
    running = [
        threading.Thread(
            target=_verify_all,
            args=(verifier, jobs, number * len(jobs) // threads, worker),
            daemon=True,
        )
        for number, worker in enumerate(workers)
    ]
    for thread in running:
        thread.start()
    for thread, worker in zip(running, workers, strict=True):
        while thread.is_alive():
            thread.join(0.05)
            stuck = time.monotonic() - worker.since > patience
            assert not stuck, f"no verdict within {patience:g} s on {jobs[worker.job][1]!r:.80}"
        assert not worker.fault, worker.fault
    return [[worker.verdicts[number] for number in range(len(jobs))] for worker in workers]


def _verify_all(verifier: Verifier, jobs: Sequence[Job], start: int, worker: _Worker) -> None:
    for number in (*range(start, len(jobs)), *range(start)):
        worker.job, worker.since = number, time.monotonic()
        problem, response = jobs[number]
        began = time.thread_time()
        try:
            verdict = verifier.verify(problem, response)
        except BaseException as error:  # an exception that leaves a thread would be lost
            worker.fault = f"{response!r:.80} raised {type(error).__name__}: {error!s:.200}"
            return
        worker.verdicts[number] = TimedVerdict(verdict, time.thread_time() - began)
