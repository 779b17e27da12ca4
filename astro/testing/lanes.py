"""A verifier at work in threads, watched from outside: its verdicts and their CPU time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from astro.interfaces import Verifier
from astro.types import Problem, Verdict

Job = tuple[Problem, str]


@dataclass(frozen=True, slots=True)
class Timed:
    """A verdict and the CPU seconds of its thread, which a busy machine does not stretch."""

    verdict: Verdict
    seconds: float


@dataclass(slots=True)
class _Lane:
    """A thread's answers by job number, the job that it is at, and when it began with that."""

    answers: dict[int, Timed] = field(default_factory=dict)
    at: int = 0
    since: float = field(default_factory=time.monotonic)
    fault: str = ""


def in_threads(
    verifier: Verifier, jobs: Sequence[Job], threads: int, patience: float
) -> list[list[Timed]]:
    """What each of `threads` gets for every job, all at once and each from another job on.

    Raises AssertionError where a verifier raises, or is at one job for `patience` seconds.
    """
    lanes = [_Lane() for _ in range(threads)]
    workers = [
        threading.Thread(
            target=_walk, args=(verifier, jobs, number * len(jobs) // threads, lane), daemon=True
        )
        for number, lane in enumerate(lanes)
    ]
    for worker in workers:
        worker.start()
    for worker, lane in zip(workers, lanes, strict=True):
        while worker.is_alive():
            worker.join(0.05)
            stuck = time.monotonic() - lane.since > patience
            assert not stuck, f"no verdict within {patience:g} s on {jobs[lane.at][1]!r:.80}"
        assert not lane.fault, lane.fault
    return [[lane.answers[number] for number in range(len(jobs))] for lane in lanes]


def _walk(verifier: Verifier, jobs: Sequence[Job], start: int, lane: _Lane) -> None:
    for number in (*range(start, len(jobs)), *range(start)):
        lane.at, lane.since = number, time.monotonic()
        problem, response = jobs[number]
        began = time.thread_time()
        try:
            verdict = verifier.verify(problem, response)
        except BaseException as error:  # a thread's exception would be lost
            lane.fault = f"{response!r:.80} raised {type(error).__name__}: {error!s:.200}"
            return
        lane.answers[number] = Timed(verdict, time.thread_time() - began)
