"""The verifier pool on verifiers that hang, die, eat memory and raise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path

import pytest
from apart import told_by

from astro.errors import UnknownPluginError, VerifierError
from astro.plugins.binding import VerifierBinding
from astro.requests import Verify
from astro.types import Problem, Status, Verdict
from astro.verification.pool import VerifierPool
from astro.verification.process import Child

HOSTILE = """
import os, sys, time
from pathlib import Path
from astro.plugins.hookspecs import Provider, hookimpl
from astro.types import Status, Verdict

class Hostile:
    def __init__(self, params): pass
    def verify(self, problem, response):
        if response == "hang": time.sleep(60)
        if response == "loop":
            while True: pass
        if response == "die": os._exit(3)
        if response == "crash": os.abort()
        if response.startswith("nap "): time.sleep(float(response[4:]))
        if response.startswith("spin "):
            end = time.process_time() + float(response[5:])
            while time.process_time() < end: pass
        if response.startswith("die once "):
            mark = Path(response[9:])
            if not mark.exists():
                mark.touch()
                os._exit(3)
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

class Frail(Hostile):
    def __init__(self, params):
        mark = Path(__file__).with_name("started")
        if sys.argv[0].endswith("worker.py") and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)

class Slow(Hostile):
    def __init__(self, params):
        if sys.argv[0].endswith("worker.py"): time.sleep(3)

@hookimpl
def astro_providers():
    return [Provider("verifier", name, "misbehaves", target=f"hostile:{name.capitalize()}")
            for name in ("hostile", "stillborn", "stiff", "frail", "slow")]
"""
PAUSED = """
from astro.plugins.binding import VerifierBinding
from astro.requests import Verify
from astro.types import Problem
from astro.verification.pool import VerifierPool

with VerifierPool(VerifierBinding(name="hostile", workers=1, timeout=0.6)) as pool:
    pool.warm_up()
    pool.add(0, Verify(Problem("p", "?", "42"), "spin 0.4"))
    assert pool.step() == []
    print("started", flush=True)
    print(pool.step(block=True)[0][1].status.value)
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
        ("die", Status.ERROR, "process died: exit code 3"),
        ("crash", Status.ERROR, "process died: Aborted"),
        ("eat", Status.ERROR, "out of memory: over 256 MiB"),
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


def test_a_death_is_not_blamed_on_a_response_that_does_not_bring_it_about(
    hostile: VerifierPool, tmp_path: Path
) -> None:
    (verdict,) = verdicts(hostile, [f"die once {tmp_path / 'mark'}"])
    assert verdict.correct
    assert hostile.counters()["restarts"] == 1


def test_counters_tell_classes_restarts_and_what_was_known(hostile: VerifierPool) -> None:
    verdicts(hostile, ["fine", "fine", "raise"])
    verdicts(hostile, ["fine", "hang"])
    assert hostile.counters() == {
        "correct": 3,
        "error": 1,
        "timeout": 1,
        "memo_hits": 2,
        "restarts": 1,
    }


def test_equal_ids_with_other_metadata_are_other_requests(pool: VerifierPool) -> None:
    for ticket in range(2):
        pool.add(ticket, Verify(Problem("p", "?", "42", {"set": ticket}), "fine"))
    found = dict(pool.step(block=True))
    while len(found) < 2:
        found |= pool.step(block=True)
    assert "memo_hits" not in pool.counters()


def test_equal_ids_with_other_references_are_other_requests(pool: VerifierPool) -> None:
    for ticket, answer in enumerate(["41", "42"]):
        pool.add(ticket, Verify(Problem("p", "", answer), "\\boxed{42}"))
    found: dict[int, Verdict] = {}
    while len(found) < 2:
        found.update(pool.step(block=True))
    assert [found[0].correct, found[1].correct] == [False, True]


def test_seconds_are_those_of_the_verdict_alone(hostile: VerifierPool) -> None:
    hostile.warm_up()
    for ticket, response in enumerate(["fine", "nap 0.3", "fine, too", "hang", "fine again"]):
        hostile.add(ticket, Verify(PROBLEM, response))
    seconds: dict[int, float] = {}
    while len(seconds) < 5:
        seconds.update({judged.ticket: judged.seconds for judged in hostile.judge(block=True)})
    assert 0.3 <= seconds[1] < 1.0
    assert 0.5 <= seconds[3] < 2.2
    assert max(seconds[0], seconds[2], seconds[4]) < 0.3


def test_a_spare_worker_stands_by_once_one_had_to_be_replaced(hostile: VerifierPool) -> None:
    def seconds_to_go_on(hang: str) -> float:
        """From the verdict on `hang` to that on a response behind it."""
        hostile.add(0, Verify(PROBLEM, hang))
        hostile.add(1, Verify(PROBLEM, f"fine after {hang}"))
        ((_, verdict),) = hostile.step(block=True)
        assert verdict.status is Status.TIMEOUT
        began = time.monotonic()
        assert hostile.step(block=True)[0][1].correct
        return time.monotonic() - began

    cold = seconds_to_go_on("hang")
    time.sleep(1.0)
    hostile.step()
    assert seconds_to_go_on("loop") < cold / 2


def test_the_time_in_which_no_core_was_free_does_not_count(
    hostile: VerifierPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Child, "starved", lambda _child: time.monotonic())  # as if all the time
    hostile.warm_up()
    hostile.add(0, Verify(PROBLEM, "nap 1.2"))
    hostile.add(1, Verify(PROBLEM, "hang"))
    ((_, innocent, _),) = hostile.judge(block=True)
    ((_, endless, seconds),) = hostile.judge(block=True)
    assert innocent.correct, "0.5 seconds are the limit, but for those that were lost"
    assert endless.status is Status.TIMEOUT
    assert 2.0 <= seconds < 3.0, "four times the limit at most"


@pytest.mark.parametrize("response", ["fine", "spin 0.3"])
def test_a_stall_of_the_pools_own_process_is_nobodys_fault(
    hostile: VerifierPool, monkeypatch: pytest.MonkeyPatch, response: str
) -> None:
    """The process stands still between its wait for a message and its look at the clock."""

    def wait_and_stall(pipes: list[Connection], _patience: float) -> Sequence[object]:
        found = wait(pipes, 0)
        time.sleep(0.8)
        return found

    hostile.warm_up()
    hostile.add(0, Verify(PROBLEM, response))
    monkeypatch.setattr("astro.verification.pool.wait", wait_and_stall)
    ((_, verdict),) = hostile.step(block=True)
    assert verdict.correct


@pytest.mark.usefixtures("hostile")
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_pause_of_all_processes_is_nobodys_fault(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PAUSED)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "started\n"
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        processes = [parent.pid, *map(int, children)]
        for number, seconds in ((signal.SIGSTOP, 1.5), (signal.SIGCONT, 0.0)):
            for process in processes:
                os.kill(process, number)
            time.sleep(seconds)
        assert parent.stdout.read() == "correct\n"


def test_a_hang_is_found_by_a_process_that_looks_seldom(hostile: VerifierPool) -> None:
    hostile.warm_up()
    hostile.add(0, Verify(PROBLEM, "hang"))
    looks = 0
    while not (found := hostile.step()):
        looks += 1
        time.sleep(0.6)
    assert found[0][1].status is Status.TIMEOUT
    assert looks < 10


@pytest.mark.usefixtures("hostile")
def test_large_responses_are_sent_one_by_one(capfd: pytest.CaptureFixture[str]) -> None:
    with VerifierPool(VerifierBinding(name="hostile", workers=1, memory_mb=128)) as pool:
        found = verdicts(pool, [f"{i:02d}" + "x" * 3_000_000 for i in range(32)])
        assert all(verdict.correct for verdict in found)
        assert "restarts" not in pool.counters()
        ((verdict),) = verdicts(pool, ["x" * 100_000_000])
        assert verdict.status is Status.ERROR
        assert verdict.reason == "out of memory: over 128 MiB"
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.usefixtures("hostile")
def test_a_worker_that_is_killed_while_it_starts_is_replaced() -> None:
    with VerifierPool(VerifierBinding(name="frail", workers=1)) as pool:
        assert verdicts(pool, ["fine"])[0].correct
        assert pool.counters()["restarts"] == 1


def unread(problems: int, responses: int, comparison: bool = False) -> None:
    """Judge responses to problems without a reference."""
    asked = [(p, r) for p in range(problems) for r in range(responses)]
    with VerifierPool(VerifierBinding(name="exact")) as pool:
        for ticket, (problem, response) in enumerate(asked):
            question = Problem(f"p{problem}", "?", "")
            boxed = f"\\boxed{{{response}}}"
            pool.add(ticket, Verify(question, boxed, comparison=comparison))
        left = len(asked)
        while left:
            left -= len(pool.step(block=True))


def test_a_bad_reference_counts_once_in_however_many_responses() -> None:
    unread(problems=20, responses=20)
    with pytest.raises(VerifierError, match="21 bad_reference"):
        unread(problems=21, responses=20)


LARGE = """
import resource
from astro.plugins.binding import VerifierBinding
from astro.requests import Verify
from astro.types import Problem
from astro.verification.pool import VerifierPool
with VerifierPool(VerifierBinding(name="exact", workers=2, timeout=30)) as pool:
    for ticket in range(32):
        response = f"{ticket} " + "x" * 12_000_000 + "\\nthe answer is 1\\n"
        pool.add(ticket, Verify(Problem("p", "q", "1"), response))
    found = []
    while len(found) < 32:
        found += pool.step(block=True)
    restarts = pool.counters().get("restarts", 0)
who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
most = max(resource.getrusage(which).ru_maxrss for which in who)
print({verdict.status.value for _, verdict in found}, restarts, most)
"""


@pytest.mark.slow
def test_32_responses_of_12_mb_take_bounded_memory_and_no_verdict_is_false() -> None:
    verdicts, restarts, kib = told_by(LARGE).split()
    assert (verdicts, restarts) == ("{'unparsed'}", "0"), "too long for an answer, and no fault"
    assert int(kib) < 2**20


def test_answers_that_cannot_be_compared_are_no_faults() -> None:
    unread(problems=21, responses=20, comparison=True)
