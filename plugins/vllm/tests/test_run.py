"""`astro run` on a real vLLM: whole, killed, and with its engine killed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

Launch = Callable[..., "subprocess.Popen[str]"]

CONFIG: dict[str, Any] = {
    "name": "small",
    "seed": 3,
    "problems": {"name": "countdown", "params": {"train": 24, "test": 8}},
    "step_format": {"name": "countdown"},
    "policy": {
        "name": "vllm",
        "params": {
            "model": "tiny-countdown",
            "dtype": "float32",
            "enforce_eager": True,
            "kv_cache_memory_bytes": 2**28,
        },
    },
    "executor": {"name": "local", "params": {"concurrency": 16}},
    "verifier": {"name": "countdown"},
    "search": {"name": "mcts", "params": {"expand": 4, "iterations": 12, "step_tokens": 16}},
    "value": {"name": "rollout", "params": {"rollouts": 2, "max_tokens": 48}},
    "linearizer": {"name": "backtrack"},
}
RL: dict[str, Any] = {
    "rl": {
        "name": "grpo",
        "params": {"steps": 2, "prompts_per_step": 2, "group_size": 4, "max_tokens": 32},
    },
    "evaluate": {"models": ["base", "rl"], "samples": 2, "max_tokens": 48},
}


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Starts `astro run` on `CONFIG`, with changes; what is left of it is killed in the end."""
    started = []

    def start(
        runs: Path, *arguments: str, config: Mapping[str, Any] = CONFIG, **environment: str
    ) -> subprocess.Popen[str]:
        path = tmp_path_factory.mktemp("config") / "config.yaml"
        path.write_text(yaml.safe_dump(dict(config)))
        command = [sys.executable, "-m", "astro", "run", str(path), "--runs", str(runs)]
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def finish(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate()
    assert process.returncode == 0, text
    return text


def wait_for_replies(process: subprocess.Popen[str], runs: Path, count: int) -> None:
    """Until the run's journal holds so many."""
    while replies(runs / "small" / "journal.db") < count:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


def replies(journal: Path) -> int:
    try:
        with sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=5) as db:
            return int(db.execute("select count(*) from replies").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def trees(runs: Path) -> list[Any]:
    """The trees, with their numbers rounded: another batch rounds the logits otherwise."""
    lines = (runs / "small" / "trees.jsonl").read_text().splitlines()
    return [json.loads(line, parse_float=lambda text: round(float(text), 2)) for line in lines]


@pytest.fixture(scope="module")
def whole(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search, uninterrupted, one problem at a time."""
    runs = tmp_path_factory.mktemp("whole")
    finish(launch(runs, "--until", "search", "--set", "executor.params.concurrency=1"))
    return runs


def test_search_does_not_depend_on_concurrency(launch: Launch, whole: Path, tmp_path: Path) -> None:
    assert "prefix hits" in finish(launch(tmp_path, "--until", "search"))
    found = trees(tmp_path)
    assert found == trees(whole)
    nodes = [node for tree in found for node in tree["nodes"][1:]]
    assert len(found) == 24 and len(nodes) > 24 * 12
    assert all(node["step"]["token_ids"] for node in nodes)
    assert any(node["verdict"] and node["verdict"]["status"] == "correct" for node in nodes)


def test_a_killed_search_goes_on(launch: Launch, whole: Path, tmp_path: Path) -> None:
    total = replies(whole / "small" / "journal.db")
    for share in (0.2, 0.6):
        process = launch(tmp_path, "--until", "search")
        wait_for_replies(process, tmp_path, int(share * total))
        process.kill()
        assert process.wait() == -9
    finish(launch(tmp_path, "--until", "search"))
    assert trees(tmp_path) == trees(whole)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs a core for each of two workers")
def test_a_dead_engine_is_named_and_the_search_goes_on(
    launch: Launch, whole: Path, tmp_path: Path
) -> None:
    """One of its two workers is killed."""
    two = ["--until", "search", "--set", "policy.params.tensor_parallel_size=2"]
    process = launch(tmp_path, *two, VLLM_CPU_OMP_THREADS_BIND="0|1")
    wait_for_replies(process, tmp_path, replies(whole / "small" / "journal.db") // 3)
    workers = [c for c in psutil.Process(process.pid).children() if "VLLM" in c.name()]
    workers[0].kill()
    text, _ = process.communicate()
    assert process.returncode == 2, text
    (error,) = [line for line in text.splitlines() if line.startswith("error: ")]
    assert "the policy was lost" in error and "tasks in flight: search/" in error
    assert "run the same command again" in error
    assert not any(worker.is_running() for worker in workers)
    finish(launch(tmp_path, *two, VLLM_CPU_OMP_THREADS_BIND="0|1"))
    assert trees(tmp_path) == trees(whole)


def test_rl_samples_from_weights_that_it_trains(launch: Launch, tmp_path: Path) -> None:
    text = finish(launch(tmp_path, config=CONFIG | RL))
    assert "rl: finished" in text
    scores = json.loads((tmp_path / "small/eval/scores.json").read_text())
    assert set(scores["models"]) == {"base", "rl"}


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("model=./nothing", "is not a folder"),
        ("kv_cache_memory_bytes=4096", "vLLM cannot serve 'tiny-countdown': No available memory"),
    ],
)
def test_what_is_wrong_is_one_line(
    launch: Launch, tmp_path: Path, setting: str, reason: str
) -> None:
    process = launch(tmp_path, "--until", "search", "--set", f"policy.params.{setting}")
    text, _ = process.communicate()
    assert process.returncode == 2
    (error,) = [line for line in text.splitlines() if line.startswith("error: ")]
    assert reason in error and "Traceback" not in text
