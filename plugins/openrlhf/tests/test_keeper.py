"""What is left of a foreign program, however it or its caller ends: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from astro_openrlhf.keeper import running

FAMILY = """
import os, subprocess, sys, time
# As Ray starts its daemons: a session of their own, and a parent that is gone.
child = "import subprocess; subprocess.Popen(['sleep', '987'], start_new_session=True)"
subprocess.run([sys.executable, "-c", child], check=True)
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", deaf, "987"])
print("ready", flush=True)
time.sleep(float(sys.argv[1]))
sys.exit(int(sys.argv[2]))
"""
CALLER = """
import sys, time
from pathlib import Path
from astro_openrlhf.keeper import running
with running(sys.argv[2:], log=Path(sys.argv[1]), env={}, grace=1):
    time.sleep(60)
"""


def family(seconds: float, code: int) -> list[str]:
    return [sys.executable, "-c", FAMILY, str(seconds), str(code)]


def sleepers() -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [""])[-1] == "987"
        and process.status() != psutil.STATUS_ZOMBIE
    ]


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def ready(log: Path) -> bool:
    return log.exists() and "ready" in log.read_text()


def test_the_exit_code_is_the_programs_and_its_family_ends_with_it(tmp_path: Path) -> None:
    with running(family(0, 7), log=tmp_path / "log", env={}, grace=1) as keeper:
        assert keeper.wait(60) == 7
    assert sleepers() == []


def test_leaving_the_block_ends_all_of_them(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running(family(60, 0), log=log, env={}, grace=1):
        wait_for(lambda: ready(log))
        assert len(sleepers()) == 2
    assert sleepers() == []


def test_a_caller_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    caller = subprocess.Popen([sys.executable, "-c", CALLER, str(log), *family(60, 0)])
    wait_for(lambda: ready(log))
    os.kill(caller.pid, signal.SIGKILL)
    caller.wait()
    wait_for(lambda: not sleepers())


def test_what_stops_it_from_outside_is_run_first(tmp_path: Path) -> None:
    log, mark = tmp_path / "log", tmp_path / "stopped"
    with running(family(60, 0), log=log, env={}, grace=1, stop=["touch", str(mark)]):
        wait_for(lambda: ready(log))
    assert mark.exists()


def test_what_may_go_on_elsewhere_is_stopped_when_the_program_has_ended(tmp_path: Path) -> None:
    log, mark = tmp_path / "log", tmp_path / "stopped"
    stop = ["sh", "-c", f"echo nothing to stop; touch {mark}"]
    with running(["false"], log=log, env={}, grace=1, stop=stop) as keeper:
        assert keeper.wait(60) == 1
    assert mark.exists()
    assert not log.read_text()  # the last words are the program's


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    with running(["/no/program"], log=tmp_path / "log", env={}, grace=1) as keeper:
        assert keeper.wait(60) == 127
    assert "/no/program: No such file" in (tmp_path / "log").read_text()


def test_output_is_added_to_the_log_and_the_environment_given(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    command = ["sh", "-c", "echo $MOOD; echo error >&2"]
    with running(command, log=log, env={"MOOD": "good"}) as keeper:
        keeper.wait(60)
    assert log.read_text() == "before\ngood\nerror\n"
