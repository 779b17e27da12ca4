"""Whole runs on a server, faults included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from astro.cli import main

SECRET = "sk-very-secret-0123456789"
SCRIPTED = {"name": "scripted", "params": {"lines": ["think\n", "ponder\n"]}}
EXACT = {"include_stop_str_in_output": True, "return_token_ids": True}
FAULTS = ["429", "500", "cut", "garbage", "503", "408"]


def on_server(server: Any, **params: Any) -> dict[str, Any]:
    given = {"base_url": server.url, "model": "m", "prompt_template": "{prompt}\n---\n"}
    return {"name": "openai", "params": {**given, "max_retries": 3, **params}}


def run(folder: Path, policy: dict[str, Any], *arguments: str) -> Result:
    """`astro run` on eight problems in `folder`; the journal and all else are in its `runs`."""
    folder.mkdir(exist_ok=True)
    problems = [{"id": f"p{i}", "prompt": f"problem {i}", "answer": "1"} for i in range(8)]
    data = folder / "problems.jsonl"
    data.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    config = {
        "name": "r",
        "seed": 3,
        "problems": {"name": "jsonl", "params": {"train": str(data), "test": str(data)}},
        "policy": policy,
        "verifier": {"name": "exact"},
        "search": {"name": "mcts", "params": {"expand": 3, "iterations": 4}},
        "value": {"name": "rollout", "params": {"rollouts": 2, "max_tokens": 32}},
        "linearizer": {"name": "backtrack"},
        "max_failed": 0.0,
        "evaluate": {"samples": 2, "max_tokens": 32},
    }
    path = folder / "r.yaml"
    path.write_text(yaml.safe_dump(config))
    runs = str(folder / "runs")
    return CliRunner().invoke(main, ["run", str(path), "--runs", runs, *arguments])


def trees(folder: Path) -> bytes:
    return (folder / "runs" / "r" / "trees.jsonl").read_bytes()


@pytest.fixture
def expected(tmp_path: Path) -> bytes:
    """The trees of the same model without a server."""
    result = run(tmp_path / "local", SCRIPTED, "--until", "search")
    assert result.exit_code == 0, result.output
    return trees(tmp_path / "local")


def test_trees_are_those_of_the_model_behind_the_server(
    server: Any, expected: bytes, tmp_path: Path
) -> None:
    result = run(tmp_path / "r", on_server(server, **EXACT), "--until", "search")
    assert result.exit_code == 0, result.output
    assert trees(tmp_path / "r") == expected
    assert len(expected.splitlines()) == 8


def test_faults_on_the_way_change_no_tree(server: Any, expected: bytes, tmp_path: Path) -> None:
    server.faults.extend(fault for fault in FAULTS * 2 for fault in (fault, "", ""))
    result = run(tmp_path / "r", on_server(server, **EXACT), "--until", "search")
    assert result.exit_code == 0, result.output
    assert not server.faults
    assert trees(tmp_path / "r") == expected


def test_a_run_whose_server_dies_goes_on_with_the_next(
    server: Any, expected: bytes, tmp_path: Path
) -> None:
    policy = on_server(server, **EXACT, max_retries=1)
    run(tmp_path / "whole", policy, "--until", "search")
    needed = len(server.bodies)
    server.dies_after = needed + needed // 2
    result = run(tmp_path / "r", policy, "--until", "search")
    assert result.exit_code == 2
    (line,) = [line for line in result.output.splitlines() if line.startswith("error:")]
    assert f"cannot reach {server.url}" in line
    assert "the same command goes on" in line
    restarted = type(server)(server.port)
    try:
        result = run(tmp_path / "r", policy, "--until", "search")
        assert result.exit_code == 0, result.output
        assert trees(tmp_path / "r") == expected
        assert 0 < len(restarted.bodies) < needed
    finally:
        restarted.stop()


def test_a_wrong_key_is_one_line_and_exit_code_2(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", SECRET)
    server.key = "another"
    result = run(tmp_path, on_server(server, api_key_env="A_KEY"))
    assert result.exit_code == 2
    lines = [line for line in result.output.splitlines() if "error" in line]
    assert lines == [f"error: {server.url} refused the key in $A_KEY; set A_KEY"]


def test_the_key_is_in_no_file_and_no_line_of_a_run(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", SECRET)
    server.key = SECRET
    server.faults.extend(["500", "cut", "garbage", "", "echo_key"])
    secrets = {"headers": {"X-Token": SECRET}, "extra_body": {"top_k": 5, "api_key": SECRET}}
    policy = on_server(server, api_key_env="A_KEY", **EXACT, **secrets)
    failed = run(tmp_path, policy)
    assert failed.exit_code == 2 and "header Bearer ***" in failed.output
    whole = run(tmp_path, policy)
    assert whole.exit_code == 0, whole.output
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert {"journal.db", "config.yaml", "report.md", "failures.jsonl"} <= {p.name for p in files}
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert SECRET not in failed.output + whole.output
    assert {body["api_key"] for body in server.bodies} == {SECRET}
    assert "top_k: 5" in (tmp_path / "runs" / "r" / "config.yaml").read_text()
