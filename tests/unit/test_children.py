"""Children end with their parent, whatever they are at, and take along what they have started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from astro.verification.process import Child

BUSY = """
import os, re, subprocess, sys, time
from astro.verification.process import attend

def serve(pipe):
    what = pipe.recv()
    process = subprocess.Popen(["sleep", "60"]) if what == "family" else None
    pipe.send((os.getpid(), process and process.pid))
    if what == "loop":
        while True: pass
    if what == "stuck":  # in C code that does not let go of the interpreter
        re.match("(a*)*b", "a" * 64)
    time.sleep(60)

if __name__ == "__main__":
    attend(serve)
"""
COPIED = """
import os
from astro.verification.process import attend

imported = os.getpid()

def serve(pipe):
    pipe.send((os.getpid(), imported))
    pipe.recv()

if __name__ == "__main__":
    attend(serve)
"""
PARENT = """
import os, sys
from astro.verification.process import Child
children = Child.copies("busy", int(sys.argv[2]))
for child in children:
    child.pipe.send(sys.argv[1])
print(*(pid for child in children for pid in child.pipe.recv()), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def busy(distribution: Callable[[str, str], None]) -> None:
    distribution("busy", BUSY)


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone_within(seconds: float, pid: int) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and the lifeline's signal")
@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("what", ["sleep", "loop", "stuck", "family"])
def test_no_child_outlives_its_parent(what: str, copies: int) -> None:
    parent = subprocess.run(
        [sys.executable, "-c", PARENT, what, str(copies)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert parent.returncode == -9
    for pid in parent.stdout.replace("None", "").split():
        assert gone_within(5.0, int(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and the lifeline's signal")
@pytest.mark.parametrize("delay", [0.0, 0.02, 0.3])
def test_a_child_that_still_imports_ends_with_its_parent(
    distribution: Callable[[str, str], None], delay: float
) -> None:
    """The parent is gone before, while or after the child arms its lifeline."""
    distribution("sluggish", "import re; re.match('(a*)*b', 'a' * 64)")
    script = f"""
import os, time
from astro.verification.process import Child
print(Child.start("sluggish").process.pid, flush=True)
time.sleep({delay})
os.kill(os.getpid(), 9)
"""
    parent = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    child = int(parent.stdout)
    try:
        assert gone_within(3.0, child)
    finally:
        if alive(child):
            os.kill(child, 9)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_stopping_a_child_ends_what_it_started() -> None:
    child = Child.start("busy")
    child.pipe.send("family")
    pids = child.pipe.recv()
    assert child.stop() == -9
    assert all(gone_within(5.0, pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_copies_import_once_and_end_together(distribution: Callable[[str, str], None]) -> None:
    distribution("copied", COPIED)
    children = Child.copies("copied", 3)
    pids, imported = zip(*(child.pipe.recv() for child in children), strict=True)
    assert len(set(pids)) == 3
    assert set(imported) == {children[0].process.pid}
    os.kill(pids[1], 9)
    with pytest.raises(EOFError):
        children[1].pipe.recv()
    assert [child.stop() for child in children] == [-9, -9, -9]
    assert all(gone_within(5.0, pid) for pid in pids)


def test_a_child_outlives_the_thread_that_started_it() -> None:
    from threading import Thread

    found: list[Child] = []
    thread = Thread(target=lambda: found.append(Child.start("busy")))
    thread.start()
    thread.join()
    (child,) = found
    child.pipe.send("sleep")
    pid, _ = child.pipe.recv()
    time.sleep(0.3)
    os.kill(pid, 0)
    child.stop()


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs Linux's schedstat")
def test_a_child_is_starved_while_others_have_its_core() -> None:
    child = Child.start("busy")
    core = {min(os.sched_getaffinity(0))}
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        for process in (child.process, other):
            os.sched_setaffinity(process.pid, core)
        child.pipe.send("loop")
        child.pipe.recv()
        before = child.starved()
        time.sleep(1.0)
        assert child.starved() - before > 0.2
    finally:
        other.kill()
        other.wait()
        child.stop()
