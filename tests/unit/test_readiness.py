"""`astro config check` and `astro doctor` tell what a machine lacks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from astro.cli import main
from astro.plugins.registry import Registry
from astro.rehearsal.machine import this_machine
from astro.rehearsal.readiness import unready

RUN: dict[str, Any] = {
    "name": "r",
    "problems": {"name": "countdown"},
    "step_format": {"name": "countdown"},
    "policy": {"name": "transformers", "params": {"model": "tiny-countdown"}},
    "verifier": {"name": "countdown"},
    "search": {"name": "mcts"},
    "linearizer": {"name": "direct"},
    "sft": {"name": "transformers"},
}


def check(folder: Path, **keys: Any) -> tuple[int, list[str]]:
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump({**RUN, **keys}))
    result = CliRunner().invoke(main, ["config", "check", str(path)])
    lines = [line.removeprefix(f"error: {path}: ") for line in result.output.splitlines()]
    return result.exit_code, lines


def test_what_is_missing_is_told_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    server = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
    code, lines = check(
        tmp_path,
        problems={"name": "jsonl", "params": {"path": "none.jsonl"}},
        policy={"name": "transformers", "params": {"model": str(tmp_path / "folder")}},
        models={"judge": {"name": "openai", "params": server}},
        rl={"name": "openrlhf_grpo", "params": {"python": "./no/python"}},
        sft={"name": "transformers", "model": "./no/model"},
    )
    assert code == 2
    text = "\n".join(lines)
    assert "problems.params.path: there is no file none.jsonl" in text
    assert "folder has no config.json" in text
    assert "rl: there is no ./no/python" in text
    assert "models.judge: nothing answers at http://127.0.0.1:9/v1" in text
    assert "sft.model: model './no/model': no/model is not a folder" in text
    assert len(lines) == 5


@pytest.mark.parametrize("model", ["tiny-countdown", "Qwen/Qwen3-4B"])
def test_what_is_there_or_on_the_hub_is_no_problem(tmp_path: Path, model: str) -> None:
    file = tmp_path / "q.jsonl"
    file.touch()
    keys = {
        "problems": {"name": "jsonl", "params": {"path": str(file)}},
        "policy": {"name": "transformers", "params": {"model": model}},
        "rl": {"name": "openrlhf_grpo", "params": {"python": sys.executable}},
    }
    assert check(tmp_path, **keys) == (0, [f"{tmp_path / 'c.yaml'}: ok"])


def test_doctor_tells_what_plugins_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = unready(Registry.discover(), this_machine())
    assert found["rl openrlhf_grpo"] == "there is no .venv-openrlhf/bin/python"
    assert "policy openai" not in found
