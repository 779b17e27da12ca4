"""`kill -9` at any moment, then the same command: the run ends as the uninterrupted one does."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from textwrap import indent

import pytest

from tests.e2e.conftest import WALKER

Launch = Callable[..., "subprocess.Popen[str]"]
OUTPUTS = ("trees.jsonl", "traces.jsonl", "control_traces.jsonl")
CHAIN = (*OUTPUTS, "eval/base.jsonl", "eval/scores.json", "report.md")
KILLS = 20


def rows(journal: Path) -> int:
    """How far a run has come: replies and outcomes in its journal."""
    try:
        with sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=5) as db:
            tables = ("replies", "outcomes")
            return sum(db.execute(f"select count(*) from {t}").fetchone()[0] for t in tables)
    except sqlite3.OperationalError:
        return 0


def outputs(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in OUTPUTS]


def finish(process: subprocess.Popen[str]) -> None:
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0, text


def reaches(process: subprocess.Popen[str], journal: Path, count: int) -> bool:
    """Wait until the journal of a run holds `count` rows; False if the run ended before."""
    while process.poll() is None:
        if rows(journal) >= count:
            return True
        time.sleep(0.005)
    return False


def kill(process: subprocess.Popen[str]) -> bool:
    """Kill a run; False if it ended before."""
    process.kill()
    process.communicate()
    return process.returncode == -9


def kill_when(process: subprocess.Popen[str], journal: Path, count: int) -> bool:
    """Kill the run once its journal holds `count` rows; False if it ended before."""
    reaches(process, journal, count)
    return kill(process)


def stall(process: subprocess.Popen[str], rng: Random) -> None:
    """Stop one process of a run for a while: its own, or a worker for less than a verdict's second.

    A worker that is stopped for longer is too slow for the verifier pool, as it should be.
    """
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    pid = rng.choice([process.pid, *map(int, children)])
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(rng.uniform(0.1, 2.5 if pid == process.pid else 0.6))
        os.kill(pid, signal.SIGCONT)
    time.sleep(rng.uniform(0, 0.3))


@pytest.mark.timeout(300)
def test_twenty_kills_change_no_byte(launch: Launch, tmp_path: Path) -> None:
    finish(launch(tmp_path / "whole", "--until", "linearize"))
    whole = tmp_path / "whole" / "walk"
    total = rows(whole / "journal.db")
    rng = Random(11)
    kills = attempts = 0
    while kills < KILLS:
        runs = tmp_path / f"killed-{attempts}"
        attempts += 1
        assert attempts <= KILLS, "the run ends before it can be killed"
        for point in sorted(rng.sample(range(total), 5)):
            process = launch(runs, "--until", "linearize")
            kills += kill_when(process, runs / "walk" / "journal.db", point)
        finish(launch(runs, "--until", "linearize"))
        assert outputs(runs / "walk") == outputs(whole)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_kills_and_forty_stalls_change_no_byte_of_the_chain(
    launch: Launch, tmp_path: Path
) -> None:
    config = {**WALKER, "problems": {"name": "countdown", "params": {"train": 60, "test": 20}}}
    finish(launch(tmp_path / "whole", config=config))
    whole = tmp_path / "whole" / "walk"
    total = rows(whole / "journal.db")
    rng, kills, stalls = Random(7), 0, 0
    changed: list[tuple[int, list[str]]] = []
    for attempt in range(40):
        if kills >= 100:
            break
        runs = tmp_path / f"killed-{attempt}"
        for point in sorted(rng.sample(range(total), 5)):
            process = launch(runs, config=config)
            if reaches(process, runs / "walk" / "journal.db", point) and stalls < 40:
                stall(process, rng)
                stalls += 1
            kills += kill(process)
        finish(launch(runs, config=config))
        differing = [
            n for n in CHAIN if (runs / "walk" / n).read_bytes() != (whole / n).read_bytes()
        ]
        changed += [(attempt, differing)] if differing else []
        print(f"{kills} kills, {stalls} stalls, changed: {changed}", flush=True)
    assert kills >= 100
    assert stalls == 40
    assert changed == []


@pytest.mark.parametrize("concurrency", [1, 7, 64])
def test_trees_do_not_depend_on_concurrency(
    launch: Launch, tmp_path: Path, concurrency: int
) -> None:
    finish(launch(tmp_path / "reference", "--until", "search"))
    setting = f"executor.params.concurrency={concurrency}"
    finish(launch(tmp_path / "other", "--until", "search", "--set", setting))
    trees = [
        (tmp_path / runs / "walk" / "trees.jsonl").read_bytes() for runs in ("reference", "other")
    ]
    assert trees[0] == trees[1]


def test_a_finished_run_does_nothing_and_fresh_starts_over(launch: Launch, tmp_path: Path) -> None:
    finish(launch(tmp_path))
    folder = tmp_path / "walk"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json*")}
    reference = outputs(folder)
    finish(launch(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.json*")} == before
    finish(launch(tmp_path, "--fresh"))
    assert outputs(folder) == reference
    assert all(path.stat().st_mtime_ns > stamp for path, stamp in before.items())


ended_by_signals = pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "terminated"),
        (signal.SIGINT, 130, "interrupted"),
    ],
)


@ended_by_signals
def test_a_run_that_is_asked_to_end_leaves_its_counters(
    launch: Launch, tmp_path: Path, number: int, code: int, word: str
) -> None:
    process = launch(tmp_path, "--until", "search", "--set", "problems.params.train=3000")
    while rows(tmp_path / "walk" / "journal.db") < 20:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(number)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == code, text
    assert text.splitlines()[-1] == f"{word}; the same command, without --fresh, resumes a run"
    usage = json.loads((tmp_path / "walk" / "usage.json").read_text())
    assert usage["search"]["generated_tokens"] > 0


def test_a_run_that_is_started_by_nohup_goes_on(launch: Launch, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process = launch(tmp_path, "--until", "search")
    signal.signal(signal.SIGHUP, before)
    while rows(tmp_path / "walk" / "journal.db") < 20:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGHUP)
    finish(process)
    assert (tmp_path / "walk" / "trees.jsonl").exists()


DESTRUCTOR = """
class Place:
    def __del__(self):
        os.kill(os.getpid(), number)
        time.sleep(1)

place = Place()
del place
time.sleep(30)
"""
LIBRARY = """
try:
    os.kill(os.getpid(), number)
    time.sleep(1)
except KeyboardInterrupt as error:
    raise ValueError(f"SchemaError: {type(error)}") from None
"""


@ended_by_signals
@pytest.mark.parametrize("place", [DESTRUCTOR, LIBRARY], ids=["destructor", "library"])
def test_a_signal_that_python_or_a_library_drops_ends_a_command_all_the_same(
    place: str, number: int, code: int, word: str
) -> None:
    script = f"""
import click, os, time, astro.cli.doctor
from astro.cli import main

@click.command()
def signalled():
    number = {int(number)}
{indent(place, "    ")}

astro.cli.doctor.doctor = signalled
main(["doctor"])
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.stderr == f"{word}\n"
    assert done.returncode == code


def test_another_ctrl_c_ends_what_still_hangs_without_a_traceback() -> None:
    """A thread hangs while the interrupted process ends, and the user presses Ctrl-C again."""
    script = """
import threading, time, click, astro.cli.doctor
from astro.cli import main

@click.command()
def hang():
    threading.Thread(target=time.sleep, args=(30,)).start()
    raise KeyboardInterrupt

astro.cli.doctor.doctor = hang
main(["doctor"])
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert process.stderr.readline().startswith("interrupted")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
    assert process.returncode == -signal.SIGINT
