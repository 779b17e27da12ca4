"""`astro rl --dry-run`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from astro.cli import main
from astro.plugins import registry

CONFIG = """
name: dry
problems: {name: countdown}
step_format: {name: countdown}
policy: {name: transformers, params: {model: tiny-countdown}}
verifier: {name: countdown, timeout: 10}
search: {name: mcts}
linearizer: {name: backtrack}
sft: {name: transformers}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "dry.yaml"
    path.write_text(CONFIG)
    return path


def dry_run(config: Path, rl: object) -> tuple[int, str]:
    config.write_text(CONFIG + (f"rl: {json.dumps(rl)}\n" if rl else ""))
    command = ["rl", str(config), "--dry-run", "--runs", str(config.parent / "runs")]
    result = CliRunner().invoke(main, command)
    return result.exit_code, result.output


def test_command_files_and_checks_are_shown(config: Path, sources: dict[str, str]) -> None:
    params = {"python": sys.executable, "env": sources, "steps": 2}
    code, output = dry_run(config, {"name": "openrlhf_grpo", "params": params})
    assert code == 0, output
    assert f"{sys.executable} -m openrlhf.cli.train_ppo_ray --actor" in output
    assert str(config.parent / "runs/dry/rl/openrlhf/data.jsonl") in output
    assert output.count(": ok") == 2
    assert "with the base model, since there is no sft/model yet" in output


def test_the_policy_s_engine_need_not_be_installed(
    config: Path, sources: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = registry._installed
    monkeypatch.setattr(registry, "_installed", lambda name: name != "vllm" and found(name))
    params = {"python": sys.executable, "env": sources, "steps": 2}
    config.write_text(CONFIG.replace("policy: {name: transformers", "policy: {name: vllm"))
    with config.open("a") as file:
        file.write(f"rl: {json.dumps({'name': 'openrlhf_grpo', 'params': params})}\n")
    command = ["rl", str(config), "--dry-run", "--runs", str(config.parent / "runs")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output


def test_a_refused_flag_is_one_line(config: Path, sources: dict[str, str]) -> None:
    params = {"python": sys.executable, "env": sources, "extra_flags": {"no.such": 1}}
    code, output = dry_run(config, {"name": "openrlhf_grpo", "params": params})
    assert code == 2
    (line,) = output.splitlines()
    assert "OpenRLHF rejects its flags" in line
    assert "--no.such" in line


@pytest.mark.parametrize(
    ("rl", "message"), [(None, "rl: missing"), ({"name": "grpo"}, "there is no command to show")]
)
def test_there_is_nothing_to_look_at(config: Path, rl: object, message: str) -> None:
    code, output = dry_run(config, rl)
    assert code == 2
    assert message in output
