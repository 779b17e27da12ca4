"""`astro run` on a Ray of its own, stopped in the midst of it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from astro.plugins.binding import Binding

pytestmark = pytest.mark.ray
Launch = Callable[..., psutil.Popen]
MIDWAY = 200  # of some 10,000: the run goes on for seconds on any machine


@pytest.fixture
def config(tmp_path: Path, policy: Binding) -> Path:
    problems = tmp_path / "problems.jsonl"
    rows = ({"id": f"p{i}", "prompt": f"question {i}", "answer": "1"} for i in range(200))
    problems.write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = tmp_path / "config.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "name": "run",
                "problems": {"name": "jsonl", "params": {"train": str(problems)}},
                "policy": policy.model_dump(),
                "executor": {"name": "ray", "params": {"workers": 2, "concurrency": 8}},
                "verifier": {"name": "exact"},
                "search": {"name": "mcts", "params": {"expand": 3, "iterations": 12}},
                "value": {"name": "rollout", "params": {"rollouts": 2}},
                "linearizer": {"name": "backtrack"},
            }
        )
    )
    return path


@pytest.fixture
def launch(config: Path) -> Iterator[Launch]:
    """Starts `astro run` up to the search in a folder of runs; nothing of it outlives the test."""
    started: list[psutil.Process] = []

    def start(runs: str, *arguments: str) -> psutil.Popen:
        command = [sys.executable, "-m", "astro", "run", str(config), "--until", "search"]
        process = psutil.Popen(
            [*command, "--runs", str(config.parent / runs), *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
            preexec_fn=heed_interrupts,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def heed_interrupts() -> None:
    """What a shell starts in the background ignores them, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until_midway(process: psutil.Popen, journal: Path) -> list[psutil.Process]:
    """All that the run has started, once it has some replies.

    Without Ray's agents: when their Ray is gone they take a minute to notice.
    """
    while process.poll() is None and replies(journal) < MIDWAY:
        time.sleep(0.02)
    family = {child: child.name() for child in process.children(recursive=True)}
    assert any("raylet" in name for name in family.values())
    return [child for child, name in family.items() if "Agent" not in name]


def replies(journal: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            count: int = db.execute("select count(*) from replies").fetchone()[0]
            return count
    except sqlite3.OperationalError:
        return 0


def results(folder: Path) -> tuple[bytes, list[Any]]:
    """The trees, and all replies in the journal."""
    with closing(sqlite3.connect(folder / "journal.db")) as db:
        rows = db.execute("select * from replies order by task, number").fetchall()
    return (folder / "trees.jsonl").read_bytes(), rows


def test_a_killed_driver_goes_on_where_it_was(config: Path, launch: Launch) -> None:
    folder = config.parent / "ray" / "run"
    killed = launch("ray")
    family = wait_until_midway(killed, folder / "journal.db")
    killed.kill()
    killed.wait()
    assert not psutil.wait_procs(family, timeout=60)[1], "what it had started ends with it"
    assert not (folder / "trees.jsonl").exists()
    assert launch("ray").wait(timeout=120) == 0
    local = "{name: local}"
    assert launch("local", "--set", f"executor={local}").wait(timeout=60) == 0
    assert results(folder) == results(config.parent / "local" / "run")


def test_an_interrupt_ends_all_at_once(config: Path, launch: Launch) -> None:
    process = launch("ray")
    family = wait_until_midway(process, config.parent / "ray" / "run" / "journal.db")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not psutil.wait_procs(family, timeout=60)[1]


@pytest.mark.parametrize("seconds", [0.0, 0.4, 0.8, 1.2])
def test_an_interrupt_while_ray_starts_leaves_nothing_behind(
    launch: Launch, seconds: float
) -> None:
    """Ray's own code may lose an interrupt, crash on it, or leave its processes behind."""
    process = launch("ray")
    family: dict[psutil.Process, str] = {}

    def look() -> None:
        with suppress(psutil.NoSuchProcess):
            family.update((child, child.name()) for child in process.children(recursive=True))
        time.sleep(0.01)

    while process.poll() is None and "raylet" not in family.values():
        look()
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGINT)
    while process.poll() is None:
        look()
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not psutil.wait_procs(family, timeout=20)[1]
