"""One package of a third party that adds a part of every new kind, without a line in the core."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import astro
from astro.cli import main
from astro.plugins.registry import Registry
from astro.rehearsal.rehearsable import Machine
from astro.rehearsal.rehearse import rehearse

Distribution = Callable[[str, str], None]

PACKAGE = """
import json
from dataclasses import dataclass
from typing import Any

import click

from astro.builtin.scripted import ScriptedPolicy
from astro.plugins.hookspecs import Command, Provider, hookimpl

heard = []

@dataclass(frozen=True)
class Lengths:
    params: Any
    name: str
    config: Any
    needs: tuple = ("linearize",)
    models: tuple = ()

    def outputs(self, folder):
        return [folder / "lengths.json"]

    def run(self, run):
        with run.started(self.name, 1, "file"):
            rows = [json.loads(line) for line in run.folder.traces("sft").open()]
            lengths = [len(row["messages"][-1]["content"]) for row in rows]
            (run.folder.root / "lengths.json").write_text(json.dumps(lengths))

@click.command()
def greet():
    "Greet."
    click.echo("hello")

@hookimpl
def astro_commands():
    return [Command("greet", "Greet.", "guest:greet")]

@hookimpl
def astro_listeners():
    return [heard.append]

@hookimpl
def astro_providers():
    scripted = "astro.builtin.scripted:ScriptedParams"
    return [
        Provider("stage", "lengths", "lengths of the traces", "guest:Lengths"),
        Provider("policy", "oracle", "answers", "guest:ScriptedPolicy", params=scripted),
        Provider("policy", "giant", "needs a GPU", "guest:Absent", params=scripted,
                 needs_gpu=True, stand_in="oracle"),
    ]
"""
ANSWERS = {"answers": ["the answer is 1\n"]}
NO_GPU = Machine(False, *[lambda _: False] * 3, version=lambda _: "")


@pytest.fixture
def config(distribution: Distribution, tmp_path: Path) -> Callable[..., Path]:
    """Installs the package, and writes a config that uses it."""
    distribution("guest", PACKAGE)
    problems = tmp_path / "problems.jsonl"
    rows = ({"id": f"p{i}", "prompt": f"what is {i}?", "answer": "1"} for i in range(3))
    problems.write_text("".join(json.dumps(row) + "\n" for row in rows))
    direct = {"name": "direct", "params": {"self_evaluation": {"model": "judge", "approval": ""}}}

    def write(**keys: Any) -> Path:
        path = tmp_path / "small.yaml"
        raw = {
            "name": "small",
            "problems": {
                "name": "jsonl",
                "params": {"train": str(problems), "test": str(problems)},
            },
            "policy": {"name": "scripted", "params": ANSWERS},
            "models": {"judge": {"name": "oracle", "params": ANSWERS}},
            "verifier": {"name": "exact"},
            "search": {"name": "mcts", "params": {"expand": 2, "iterations": 4}},
            "value": {"name": "rollout", "params": {"rollouts": 1, "max_tokens": 32}},
            "linearizer": direct,
            "stages": {"sizes": {"name": "lengths"}},
            "evaluate": {"samples": 1, "max_tokens": 32},
        }
        path.write_text(yaml.safe_dump({**raw, **keys}))
        return path

    return write


def test_its_stage_policy_and_listener_take_part_in_a_run(
    config: Callable[..., Path], tmp_path: Path
) -> None:
    events: list[object] = []
    loaded = astro.load(config())
    loaded.run(runs=tmp_path / "runs", on_event=events.append)
    folder = tmp_path / "runs" / "small"
    assert len(json.loads((folder / "lengths.json").read_text())) == 3
    usage = json.loads((folder / "usage.json").read_text())
    assert usage["linearize@judge"]["generated_tokens"] > 0
    import guest  # type: ignore[import-not-found]

    assert guest.heard == events
    assert "sizes" in {getattr(event, "stage", "") for event in events}


def test_its_command_is_one_of_astro(config: Callable[..., Path]) -> None:
    config()
    assert CliRunner().invoke(main, ["greet"]).stdout == "hello\n"


def test_its_stand_in_is_rehearsed(config: Callable[..., Path], tmp_path: Path) -> None:
    path = config(policy={"name": "giant", "params": ANSWERS})
    loaded = astro.load(path, registry=Registry.discover().as_if_installed())
    done = rehearse(loaded, runs=tmp_path, machine=NO_GPU)
    assert done.arms["small"].config.policy.name == "oracle"
    assert list(done.folder.rglob("lengths.json"))
