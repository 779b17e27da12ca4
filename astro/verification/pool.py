"""A pool of verifier processes, which are killed and replaced when they exceed their limits."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from multiprocessing.connection import wait
from typing import NamedTuple

import msgspec

from astro.errors import VerifierError
from astro.plugins.binding import VerifierBinding
from astro.plugins.hookspecs import NO_VERIFIER
from astro.plugins.registry import Registry
from astro.requests import Verify
from astro.types import Problem, Status, Verdict
from astro.verification.fault_monitor import FaultMonitor
from astro.verification.process import Child
from astro.verification.worker import OUT_OF_MEMORY

_MEMO_ENTRIES = 200_000
_CHUNK = 32
_CHUNK_BYTES = 2**18
_START_SECONDS = 60.0
_STARTS = 3
_POLL_SECONDS = 1.0
_PATIENCE = 4.0
_STALLS = 3
_verdict = msgspec.msgpack.Decoder(tuple[Verdict, float]).decode
_text = msgspec.msgpack.Decoder(str).decode


class Judged(NamedTuple):
    """A ticket, its verdict, and the seconds that the verification took.

    The seconds count from when a ready worker received the response. They add up over both workers
    if the first one died, and are 0 if the verdict was cached.
    """

    ticket: int
    verdict: Verdict
    seconds: float


@dataclass(slots=True)
class _Job:
    """One response to verify, with all tickets that requested it.

    `seconds` is the time spent on it so far. It is `suspect` once a worker has died while verifying
    it. `size` is about the number of bytes that are sent to the worker.
    """

    digest: bytes
    size: int
    problem: Problem
    response: str
    tickets: list[int]
    seconds: float = 0.0
    suspect: bool = False


@dataclass(slots=True)
class _Worker:
    """A child process and the jobs that it was sent and has not answered, in order.

    It is sent jobs only when it is `ready`, which means that its verifier is built. `since` is the
    time at which it began the first job, or at which it started. `starved` is the value of
    `Child.starved` when the jobs were sent. `stalled` is the time since then that this process has
    lost in `stalls` stalls.
    """

    child: Child
    since: float
    deadline: float
    ready: bool = False
    starved: float = 0.0
    stalled: float = 0.0
    stalls: int = 0
    jobs: deque[_Job] = field(default_factory=deque)


class VerifierPool:
    """Answers `Verify` requests with verdicts, in worker processes.

    A response that takes more than `timeout` seconds gets the verdict `timeout`. Time in which no
    core is free for the worker does not count, up to 4 times `timeout` in total. Neither do up to 3
    stalls, in which this process did not check its workers because it was stopped or busy: the
    worker may have been stopped too. If a worker dies while verifying a response, for lack of
    memory or otherwise, the response is tried once more, because it need not be the cause; if a
    second worker dies, its verdict is `error`. The worker is replaced in each case. Verifiers are
    deterministic, so equal requests are computed once.

    The pool can be used from any thread, one at a time, and in a fork of the process that created
    it. It uses no signals. A bad reference counts as one fault, however many responses have it.
    A fault in a comparison of two answers (`Verify.comparison`) does not count.

    Raises:
        VerifierError: A worker cannot start, or too many verdicts are faults (see `FaultMonitor`).
    """

    def __init__(self, verifier: VerifierBinding, registry: Registry | None = None) -> None:
        # Building the verifier here once reports a wrong name or wrong params before any work.
        (registry or Registry.discover()).build("verifier", verifier)
        self._binding = verifier
        self._queue: deque[_Job] = deque()
        self._pending: dict[bytes, _Job] = {}
        self._memo: dict[bytes, Verdict] = {}
        self._done: list[Judged] = []
        self._looked = time.monotonic()
        self._glance = min(_POLL_SECONDS, verifier.timeout / 8)
        self._failed_starts = 0
        self._workers: list[_Worker] = []
        self._owner = os.getpid()
        self._counts: Counter[str] = Counter()
        self._alarm = FaultMonitor(verifier.max_faults)
        self._unread: set[str] = set()
        self._comparisons: set[int] = set()

    def __enter__(self) -> VerifierPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self) -> None:
        """Start a worker, which gets ready while the caller does something else."""
        self._own()
        if self._binding.name != NO_VERIFIER:
            self._start_up_to(1)

    def warm_up(self) -> None:
        """Start every worker and wait until all are ready, so that no start-up time follows."""
        self._own()
        while sum(worker.ready for worker in self._workers) < self._binding.workers:
            self._start_up_to(self._binding.workers)
            self._collect(_POLL_SECONDS)

    def add(self, ticket: int, request: Verify) -> None:
        """Queue a response to verify."""
        digest, size = _identity(request)
        if request.comparison:
            self._comparisons.add(ticket)
        if (verdict := self._memo.get(digest)) is not None:
            self._counts["memo_hits"] += 1
            self._hand_out([ticket], verdict, 0.0)
        elif (job := self._pending.get(digest)) is not None:
            self._counts["memo_hits"] += 1
            job.tickets.append(ticket)
        else:
            job = _Job(digest, size, request.problem, request.response, [ticket])
            self._pending[digest] = job
            self._queue.append(job)

    def step(self, block: bool = False) -> list[tuple[int, Verdict]]:
        """Return the verdicts that are ready, each with its ticket.

        With `block`, wait for at least one verdict if any is pending.
        """
        return [(judged.ticket, judged.verdict) for judged in self.judge(block)]

    def judge(self, block: bool = False) -> list[Judged]:
        """Do as `step` does, and also return the time that each verdict took."""
        self._own()
        self._collect(0.0)
        self._dispatch()
        while block and not self._done and self._pending:
            self._collect(_POLL_SECONDS)
            self._dispatch()
        done, self._done = self._done, []
        for judged in done:
            compared = judged.ticket in self._comparisons
            self._comparisons.discard(judged.ticket)
            if not compared and judged.verdict.status is not Status.BAD_REFERENCE:
                self._alarm.note(judged.verdict)
        return done

    def counters(self) -> Mapping[str, int]:
        """Number of verdicts by class, of `memo_hits` among them, and of worker `restarts`."""
        return dict(self._counts)

    def close(self) -> None:
        """End all workers. No call follows."""
        self._own()
        for worker in self._workers:
            worker.child.stop()
        self._workers.clear()

    def _own(self) -> None:
        """After a fork, leave the workers to the parent process and queue their jobs again."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            for worker in self._workers:
                worker.child.let_go()
                self._queue.extendleft(reversed(worker.jobs))
            self._workers.clear()

    def _dispatch(self) -> None:
        # After the first replacement a spare worker stands by, so that the next one costs no time.
        spares = bool(self._counts["restarts"])
        self._start_up_to(min(self._binding.workers, len(self._pending)) + spares)
        idle = [worker for worker in self._workers if worker.ready and not worker.jobs]
        busy = sum(bool(worker.jobs) for worker in self._workers)
        for worker in idle[: self._binding.workers - busy]:
            if self._queue:
                self._send(worker)

    def _start_up_to(self, workers: int) -> None:
        """Start workers until there are as many as given."""
        while len(self._workers) < workers:
            self._workers.append(self._start())

    def _start(self) -> _Worker:
        child = Child.start("astro.verification.worker")
        with suppress(OSError):  # it was killed already, which is noticed when it is read from
            child.pipe.send(self._binding)
        now = time.monotonic()
        return _Worker(child, now, now + _START_SECONDS)

    def _send(self, worker: _Worker) -> None:
        """Send the next jobs: a fair share, and more than one only as far as they are small."""
        if worker.child.process.poll() is not None:  # it died while idle, so no job is suspect
            self._remove(worker)
            return
        share = min(-(-len(self._queue) // self._binding.workers), _CHUNK)
        room = _CHUNK_BYTES
        while self._queue and len(worker.jobs) < share:
            room -= self._queue[0].size
            if room < 0 and worker.jobs:
                break
            worker.jobs.append(self._queue.popleft())
        worker.starved = worker.child.starved()
        self._begin(worker, time.monotonic())
        try:
            worker.child.pipe.send([(job.problem, job.response) for job in worker.jobs])
        except OSError:
            self._on_death(worker)

    def _begin(self, worker: _Worker, now: float) -> None:
        worker.since = now
        worker.deadline = now + self._binding.timeout
        worker.stalled, worker.stalls = 0.0, 0

    def _collect(self, patience: float) -> None:
        """Receive what the workers have sent, and replace those whose time is over.

        A wait is short, so that one which took much longer shows that this process was stopped.
        """
        busy = [worker for worker in self._workers if worker.jobs or not worker.ready]
        if not busy:
            self._looked = time.monotonic()
            return
        began = time.monotonic()
        patience = min(
            [patience, self._glance, *(max(0.0, worker.deadline - began) for worker in busy)]
        )
        ready = wait([worker.child.pipe for worker in busy], patience)
        looked, self._looked = self._looked, time.monotonic()
        gap = self._looked - looked
        stall = gap if gap - min(patience, self._looked - began) > self._glance else 0.0
        for worker in busy:
            if worker.child.pipe in ready:
                self._receive(worker)
            elif self._overdue(worker, stall) and not worker.child.has_spoken():
                self._time_out(worker)

    def _receive(self, worker: _Worker) -> None:
        try:
            while (worker.jobs or not worker.ready) and worker.child.has_spoken():
                message = worker.child.pipe.recv_bytes()
                if not worker.ready:
                    self._mark_ready(worker, _text(message))
                    return
                verdict, now = _verdict(message)
                self._finish(worker, verdict, now)
            if (now := time.monotonic()) > worker.deadline:  # its message may have waited here
                self._begin(worker, now)
        except (EOFError, OSError):
            self._on_death(worker)

    def _finish(self, worker: _Worker, verdict: Verdict, now: float) -> None:
        """Resolve the job that the worker was at until `now`."""
        job = worker.jobs.popleft()
        job.seconds += max(0.0, now - worker.since)
        self._resolve(job, verdict)
        self._begin(worker, now)

    def _mark_ready(self, worker: _Worker, failure: str) -> None:
        if failure:
            raise self._unstartable(failure)
        worker.ready = True
        self._failed_starts = 0

    def _overdue(self, worker: _Worker, stall: float) -> bool:
        """Whether the worker's time is over. The time that it has lost without fault is added."""
        now = time.monotonic()
        limit = self._binding.timeout if worker.ready else _START_SECONDS
        if stall and worker.stalls < _STALLS:
            worker.stalls += 1
            worker.stalled += min(stall, now - worker.since)
            worker.deadline = max(worker.deadline, worker.since + worker.stalled + limit)
        if now > worker.deadline and worker.ready:
            lost = worker.child.starved() - worker.starved
            allowed = min(limit + lost, limit * _PATIENCE)
            worker.deadline = worker.since + worker.stalled + allowed
        return now > worker.deadline

    def _time_out(self, worker: _Worker) -> None:
        if not worker.ready:
            raise self._unstartable(f"over {_START_SECONDS:g} s")
        verdict = Verdict(Status.TIMEOUT, None, f"over {self._binding.timeout:g} s")
        self._finish(worker, verdict, time.monotonic())
        self._remove(worker)

    def _on_death(self, worker: _Worker) -> None:
        """Replace a worker that has died. Its job gets an `error` if it was suspect already."""
        reason = self._death(self._remove(worker))
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts == _STARTS:
                raise self._unstartable(reason)
            return
        job = self._queue[0]
        job.seconds += time.monotonic() - worker.since
        if job.suspect:
            self._resolve(self._queue.popleft(), Verdict(Status.ERROR, None, reason))
        job.suspect = True

    def _death(self, code: int) -> str:
        if code == OUT_OF_MEMORY:
            return f"out of memory: over {self._binding.memory_mb} MiB"
        how = signal.strsignal(-code) if code < 0 else f"exit code {code}"
        return f"the verifier's process died: {how}"

    def _remove(self, worker: _Worker) -> int:
        """Stop a worker and put its jobs back at the head of the queue. Returns its exit code."""
        self._counts["restarts"] += 1
        self._workers.remove(worker)
        self._queue.extendleft(reversed(worker.jobs))
        return worker.child.stop()

    def _unstartable(self, reason: str) -> VerifierError:
        return VerifierError(
            f"a worker of verifier {self._binding.name!r} could not start: {reason}",
            f"if it lacks memory, raise verifier.memory_mb, which is {self._binding.memory_mb}",
        )

    def _resolve(self, job: _Job, verdict: Verdict) -> None:
        del self._pending[job.digest]
        if len(self._memo) >= _MEMO_ENTRIES:
            self._memo.clear()
        self._memo[job.digest] = verdict
        unread = verdict.status is Status.BAD_REFERENCE and job.problem.id not in self._unread
        if unread and not self._comparisons.issuperset(job.tickets):
            self._unread.add(job.problem.id)
            self._alarm.note(verdict)
        self._hand_out(job.tickets, verdict, job.seconds)

    def _hand_out(self, tickets: list[int], verdict: Verdict, seconds: float) -> None:
        self._counts[verdict.status] += len(tickets)
        self._done += [Judged(ticket, verdict, seconds) for ticket in tickets]


def _identity(request: Verify) -> tuple[bytes, int]:
    """A digest of a request, and about how many bytes it has."""
    text = f"{request.problem!r}\0{request.response}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest(), len(text)
