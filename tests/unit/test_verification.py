"""The verifier pool on verifiers that hang, die, eat memory and raise."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from astro.binding import VerifierBinding
from astro.errors import UnknownPluginError, VerifierError
from astro.requests import Verify
from astro.types import Problem, Status, Verdict
from astro.verification import VerifierPool

HOSTILE = """
import os, sys, time
from astro.hookspecs import Provider, hookimpl
from astro.types import Status, Verdict

class Hostile:
    def __init__(self, params): pass
    def verify(self, problem, response):
        if response == "hang": time.sleep(60)
        if response == "loop":
            while True: pass
        if response == "die": os._exit(3)
        if response == "eat": return len("x" * 2**31)
        if response == "raise": raise ValueError("not today")
        if response == "lie": return True
        if response == "number": return Verdict(Status.CORRECT, 42)
        if response == "surrogate": return Verdict(Status.CORRECT, chr(0xD800))
        if response == "print": print("look at me")
        if response == "lazy": os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c",
                                          f"sleep 0.3; kill -9 {os.getpid()}")
        return Verdict(Status.CORRECT, response[:99])

class Stillborn(Hostile):
    def __init__(self, params):
        if sys.argv[0].endswith("worker.py"): raise RuntimeError("no licence here")

class Stiff(Hostile):
    def __init__(self, params):
        if sys.argv[0].endswith("worker.py"): os._exit(9)

class Slow(Hostile):
    def __init__(self, params):
        if sys.argv[0].endswith("worker.py"): time.sleep(3)

@hookimpl
def astro_providers():
    return [Provider("verifier", name, "misbehaves", target=f"hostile:{name.capitalize()}")
            for name in ("hostile", "stillborn", "stiff", "slow")]
"""
PROBLEM = Problem("p", "what is 6 times 7?", "42")


@pytest.fixture
def pool() -> Iterator[VerifierPool]:
    binding = VerifierBinding(name="exact", workers=2, timeout=5.0)
    with VerifierPool(binding) as pool:
        yield pool


def verdicts(pool: VerifierPool, responses: list[str]) -> list[Verdict]:
    for ticket, response in enumerate(responses):
        pool.add(ticket, Verify(PROBLEM, response))
    found: dict[int, Verdict] = {}
    while len(found) < len(responses):
        found.update(pool.step(block=True))
    return [found[ticket] for ticket in range(len(responses))]


def test_verdicts_come_back_under_their_tickets(pool: VerifierPool) -> None:
    responses = [f"so \\boxed{{{40 + i % 4}}} ({i})" for i in range(200)]
    statuses = [verdict.status for verdict in verdicts(pool, responses)]
    assert statuses == [Status.CORRECT if i % 4 == 2 else Status.INCORRECT for i in range(200)]
    assert pool.counters()[Status.CORRECT] == 50


def test_equal_requests_are_computed_once(pool: VerifierPool) -> None:
    first = verdicts(pool, ["\\boxed{42}"] * 10)
    pool.close()
    assert verdicts(pool, ["\\boxed{42}"]) == first[:1]


def test_it_works_from_a_thread(pool: VerifierPool) -> None:
    found: list[Verdict] = []
    thread = threading.Thread(target=lambda: found.extend(verdicts(pool, ["\\boxed{42}", "42"])))
    thread.start()
    thread.join(30)
    assert [verdict.status for verdict in found] == [Status.CORRECT, Status.UNPARSED]


def test_an_unknown_verifier_fails_before_any_work() -> None:
    with pytest.raises(UnknownPluginError, match="did you mean exact"):
        VerifierPool(VerifierBinding(name="exakt"))


def test_nothing_due_means_nothing_to_wait_for(pool: VerifierPool) -> None:
    began = time.monotonic()
    assert pool.step(block=True) == []
    assert time.monotonic() - began < 0.5


@pytest.fixture
def hostile(distribution: Callable[[str, str], None]) -> Iterator[VerifierPool]:
    distribution("hostile", HOSTILE)
    with VerifierPool(VerifierBinding(name="hostile", timeout=0.5, memory_mb=256)) as pool:
        yield pool


@pytest.mark.parametrize(
    ("response", "status", "reason"),
    [
        ("hang", Status.TIMEOUT, "over 0.5 s"),
        ("loop", Status.TIMEOUT, "over 0.5 s"),
        ("die", Status.ERROR, "process died"),
        ("eat", Status.ERROR, "out of memory"),
        ("raise", Status.ERROR, "ValueError: not today"),
        ("lie", Status.ERROR, "returned bool"),
        ("number", Status.ERROR, "Expected `str | null`, got `int`"),
        ("surrogate", Status.ERROR, "UnicodeEncodeError"),
    ],
)
def test_a_fault_is_one_verdict_and_the_rest_goes_on(
    hostile: VerifierPool, response: str, status: Status, reason: str
) -> None:
    found = verdicts(hostile, [f"fine {i}" for i in range(5)] + [response] + ["fine, too"] * 2)
    assert [verdict.correct for verdict in found] == [True] * 5 + [False] + [True] * 2
    assert found[5].status is status
    assert reason in found[5].reason


@pytest.mark.parametrize(
    ("name", "reason"), [("stillborn", "RuntimeError: no licence here"), ("stiff", "died")]
)
@pytest.mark.usefixtures("hostile")
def test_a_worker_that_cannot_start_is_an_error_not_a_verdict(name: str, reason: str) -> None:
    with (
        VerifierPool(VerifierBinding(name=name)) as pool,
        pytest.raises(VerifierError, match=f"{name}.* could not start: .*{reason}"),
    ):
        verdicts(pool, ["fine"])


@pytest.mark.usefixtures("hostile")
def test_a_worker_that_is_not_there_yet_holds_nobody_up() -> None:
    with VerifierPool(VerifierBinding(name="slow")) as pool:
        began = time.monotonic()
        pool.add(0, Verify(PROBLEM, "x" * 10_000_000))
        assert pool.step() == []
        assert pool.step() == []
        assert time.monotonic() - began < 2.0
        ((_, verdict),) = pool.step(block=True)
        assert verdict.correct


def test_nobody_is_blamed_for_a_worker_that_died_idle(hostile: VerifierPool) -> None:
    assert verdicts(hostile, ["lazy"])[0].correct
    time.sleep(0.8)
    assert verdicts(hostile, ["fine"])[0].correct
    assert hostile.counters()["restarts"] == 1


def test_what_a_verifier_prints_is_not_the_runs_output(
    hostile: VerifierPool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert verdicts(hostile, ["print"])[0].correct
    assert "look at me" not in capfd.readouterr().out


def test_no_orphan_outlives_its_parent(distribution: Callable[[str, str], None]) -> None:
    distribution("hostile", HOSTILE)
    script = """
import os, sys, time
from astro.binding import VerifierBinding
from astro.requests import Verify
from astro.types import Problem
from astro.verification import VerifierPool
pool = VerifierPool(VerifierBinding(name="hostile", timeout=60))
pool.add(0, Verify(Problem("p", "", ""), "fine"))
pool.step(block=True)
pool.add(1, Verify(Problem("p", "", ""), "loop"))
pool.step()
print(pool._workers[0].child.process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    parent = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    worker = int(parent.stdout)
    deadline = time.monotonic() + 20
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _alive(worker)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
