"""Verification beside generation: worker processes that are killed and replaced at their bounds."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from multiprocessing.connection import wait

import msgspec

from astro.binding import VerifierBinding
from astro.children import Child
from astro.errors import VerifierError
from astro.registry import Registry
from astro.requests import Verify
from astro.types import Problem, Status, Verdict

_MEMO_ENTRIES = 200_000
_CHUNK = 32
_START_SECONDS = 60.0
_POLL_SECONDS = 1.0
_verdict = msgspec.msgpack.Decoder(Verdict).decode
_text = msgspec.msgpack.Decoder(str).decode


@dataclass(slots=True)
class _Worker:
    """A child process, and the jobs it was sent and has not answered, in order.

    It is sent none until it is `ready`: its verifier is built, and it reads what it is sent.
    """

    child: Child
    deadline: float
    ready: bool = False
    jobs: deque[_Job] = field(default_factory=deque)


@dataclass(slots=True)
class _Job:
    """One response to check, under every ticket that asked for it."""

    digest: bytes
    problem: Problem
    response: str
    tickets: list[int]


class VerifierPool:
    """Turns `Verify` requests into verdicts, in worker processes.

    A verdict that takes more than `timeout` seconds is `timeout`, one whose worker dies or runs out
    of memory is `error`; the worker is replaced either way. Verifiers are deterministic, so equal
    requests are computed once. Works from any thread, and uses no signals. Raises `VerifierError`
    when a worker cannot start, for then no verdict would mean anything.
    """

    def __init__(self, verifier: VerifierBinding) -> None:
        # The verifier is built here once, so that a bad name or params fail before any work.
        Registry.discover().build("verifier", verifier)
        self._binding = verifier
        self._queue: deque[_Job] = deque()
        self._pending: dict[bytes, _Job] = {}
        self._memo: dict[bytes, Verdict] = {}
        self._done: list[tuple[int, Verdict]] = []
        self._workers: list[_Worker] = []
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> VerifierPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, ticket: int, request: Verify) -> None:
        """Queue a response to check."""
        digest = _digest(request)
        if (verdict := self._memo.get(digest)) is not None:
            self._answer([ticket], verdict)
        elif (job := self._pending.get(digest)) is not None:
            job.tickets.append(ticket)
        else:
            job = _Job(digest, request.problem, request.response, [ticket])
            self._pending[digest] = job
            self._queue.append(job)

    def step(self, block: bool = False) -> list[tuple[int, Verdict]]:
        """Hand back the verdicts that are there; with `block`, wait for one if any is due."""
        self._collect(0.0)
        self._dispatch()
        while block and not self._done and self._pending:
            self._collect(_POLL_SECONDS)
            self._dispatch()
        done, self._done = self._done, []
        return done

    def counters(self) -> Mapping[str, int]:
        """How many verdicts of each class were handed out, and `restarts` of workers."""
        return dict(self._counts)

    def close(self) -> None:
        for worker in self._workers:
            worker.child.stop()
        self._workers.clear()

    def _dispatch(self) -> None:
        while len(self._workers) < min(self._binding.workers, len(self._pending)):
            self._workers.append(self._start())
        for worker in list(self._workers):
            if self._queue and worker.ready and not worker.jobs:
                self._send(worker)

    def _start(self) -> _Worker:
        child = Child.start("astro.worker")
        child.pipe.send(self._binding)
        return _Worker(child, time.monotonic() + _START_SECONDS)

    def _send(self, worker: _Worker) -> None:
        share = -(-len(self._queue) // len(self._workers))
        jobs = [self._queue.popleft() for _ in range(min(share, _CHUNK))]
        worker.jobs.extend(jobs)
        try:
            worker.child.pipe.send([(job.problem, job.response) for job in jobs])
        except OSError:  # it died idle, so no job is to blame
            self._remove(worker)
        worker.deadline = time.monotonic() + self._binding.timeout

    def _collect(self, patience: float) -> None:
        busy = [worker for worker in self._workers if worker.jobs or not worker.ready]
        if not busy:
            return
        now = time.monotonic()
        patience = min([patience, *(max(0.0, worker.deadline - now) for worker in busy)])
        ready = wait([worker.child.pipe for worker in busy], patience)
        for worker in busy:
            if worker.child.pipe in ready:
                self._receive(worker)
            elif time.monotonic() > worker.deadline:
                seconds = self._binding.timeout if worker.ready else _START_SECONDS
                self._replace(worker, Status.TIMEOUT, f"over {seconds:g} s")

    def _receive(self, worker: _Worker) -> None:
        try:
            while (worker.jobs or not worker.ready) and worker.child.pipe.poll():
                message = worker.child.pipe.recv_bytes()
                worker.deadline = time.monotonic() + self._binding.timeout
                if worker.ready:
                    self._resolve(worker.jobs.popleft(), _verdict(message))
                elif reason := _text(message):
                    raise self._unstartable(reason)
                worker.ready = True
        except (EOFError, OSError):
            self._replace(worker, Status.ERROR, "the verifier's process died")

    def _replace(self, worker: _Worker, status: Status, reason: str) -> None:
        """Blame the job at hand, requeue those behind it, and start anew."""
        if not worker.ready:
            raise self._unstartable(reason)
        self._resolve(worker.jobs.popleft(), Verdict(status, None, reason))
        self._remove(worker)

    def _remove(self, worker: _Worker) -> None:
        self._counts["restarts"] += 1
        worker.child.stop()
        self._workers.remove(worker)
        self._queue.extendleft(reversed(worker.jobs))

    def _unstartable(self, reason: str) -> VerifierError:
        return VerifierError(
            f"a worker of verifier {self._binding.name!r} could not start: {reason}",
            f"verifier.memory_mb is {self._binding.memory_mb}",
        )

    def _resolve(self, job: _Job, verdict: Verdict) -> None:
        del self._pending[job.digest]
        if len(self._memo) >= _MEMO_ENTRIES:
            self._memo.clear()
        self._memo[job.digest] = verdict
        self._answer(job.tickets, verdict)

    def _answer(self, tickets: list[int], verdict: Verdict) -> None:
        self._counts[verdict.status] += len(tickets)
        self._done += [(ticket, verdict) for ticket in tickets]


def _digest(request: Verify) -> bytes:
    text = f"{request.problem.id}\0{request.response}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
