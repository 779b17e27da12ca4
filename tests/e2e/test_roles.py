"""A run whose value, judgements and rewriting each ask a model of their own role."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from astro.files import read_json

Launch = Callable[..., "subprocess.Popen[str]"]
SCRIBE = """
from astro.builtin.scripted import Line, LineWriter
from astro.plugins.hookspecs import Provider, hookimpl

@hookimpl
def astro_providers():
    return [Provider("policy", "scribe", "copies the notes it is shown", "scribe:Scribe")]

def Scribe(params):
    return LineWriter(next_line)

def next_line(user, response, draw):
    notes = user.rpartition("Notes:\\n")[2].partition("\\n\\nWritten out:")[0].splitlines()
    written = response.count("\\n")
    if written == len(notes):
        return None
    number, _, note = notes[written].partition(" ")
    return Line(number + " " + note.partition(": ")[2] + "\\n")
"""
LOCAL = {"name": "local", "params": {"concurrency": 8}}
RAY = {"name": "ray", "params": {"workers": 2, "concurrency": 4}}


@pytest.fixture
def config(tmp_path: Path, distribution: Callable[[str, str], None]) -> dict[str, Any]:
    distribution("scribe", SCRIBE)
    problems = tmp_path / "problems.jsonl"
    rows = ({"id": f"p{i}", "prompt": f"question {i}", "answer": "1"} for i in range(40))
    problems.write_text("".join(json.dumps(row) + "\n" for row in rows))
    script = {"lines": ["so\n", "thus\n", "hence\n"], "length": 3, "steps_to_finish": 3}
    return {
        "name": "roles",
        "problems": {"name": "jsonl", "params": {"train": str(problems)}},
        "policy": {
            "name": "scripted",
            "params": {**script, "answers": ["answer is 1\n", "answer is 2\n"]},
        },
        "models": {
            "rewriter": {"name": "scribe"},
            "judge": {
                "name": "scripted",
                "params": {"length": 0, "answers": ["yes\n", "yes\n", "no\n"]},
            },
        },
        "verifier": {"name": "exact"},
        "search": {"name": "mcts", "params": {"expand": 3, "iterations": 12}},
        "value": {"name": "p_true", "params": {"model": "judge"}},
        "linearizer": {
            "name": "rewrite",
            "params": {"model": "rewriter", "self_evaluation": {"model": "judge", "samples": 2}},
        },
    }


def finished(process: subprocess.Popen[str]) -> None:
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0, text


def rows_of(journal: Path) -> int:
    """Replies and outcomes in a run's journal."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=5)) as db:
        tables = ("replies", "outcomes")
        return sum(db.execute(f"select count(*) from {t}").fetchone()[0] for t in tables)


def killed_at(process: subprocess.Popen[str], journal: Path, rows: int) -> bool:
    """Whether the run was killed once its journal held so many rows; it may have ended before."""
    while process.poll() is None:
        try:
            if rows_of(journal) >= rows:
                break
        except sqlite3.OperationalError:
            time.sleep(0.005)
    process.kill()
    process.communicate()
    return process.returncode == -9


def outputs(folder: Path) -> list[bytes]:
    return [(folder / "roles" / name).read_bytes() for name in ("trees.jsonl", "traces.jsonl")]


@pytest.mark.parametrize("executor", [LOCAL, pytest.param(RAY, marks=pytest.mark.ray)])
def test_each_role_is_served_and_a_killed_run_ends_as_it_would_have(
    executor: dict[str, Any], config: dict[str, Any], launch: Launch, tmp_path: Path
) -> None:
    until = ("--until", "linearize")
    finished(launch(tmp_path / "whole", *until, config=config))
    folder = tmp_path / "whole" / "roles"
    traces = [json.loads(line) for line in (folder / "traces.jsonl").read_text().splitlines()]
    trees = (folder / "trees.jsonl").read_text().splitlines()
    assert len(traces) > 10
    assert all(trace["rewritten"] for trace in traces)
    assert len(traces) < sum('"correct"' in tree for tree in trees), "the judge approves of some"
    usage = read_json(folder / "usage.json", dict[str, Any])
    assert set(usage) == {"search", "search@judge", "linearize@judge", "linearize@rewriter"}
    assert usage["linearize@rewriter"]["generated_tokens"] > 0

    total = rows_of(folder / "journal.db")
    kills = 0
    for share in (0.2, 0.5, 0.9):
        process = launch(tmp_path / "killed", *until, config={**config, "executor": executor})
        journal = tmp_path / "killed" / "roles" / "journal.db"
        kills += killed_at(process, journal, int(share * total))
    assert kills
    finished(launch(tmp_path / "killed", *until, config={**config, "executor": executor}))
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "whole")


def test_a_role_equal_to_the_policy_changes_no_byte(
    config: dict[str, Any], launch: Launch, tmp_path: Path
) -> None:
    """The same model under another role is asked with the same seeds."""
    plain = {**config, "models": {}, "value": {"name": "p_true"}, "linearizer": {"name": "rewrite"}}
    roles = {
        **plain,
        "models": {"twin": config["policy"]},
        "value": {"name": "p_true", "params": {"model": "twin"}},
        "linearizer": {"name": "rewrite", "params": {"model": "twin"}},
    }
    for name, one in (("plain", plain), ("roles", roles)):
        finished(launch(tmp_path / name, "--until", "linearize", config=one))
    assert outputs(tmp_path / "plain") == outputs(tmp_path / "roles")
