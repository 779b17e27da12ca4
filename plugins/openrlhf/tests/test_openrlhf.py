"""The real OpenRLHF, Ray, DeepSpeed and vLLM on a CPU, minutes in all: `make test-openrlhf`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil
import pytest

import astro
from astro.binding import VerifierBinding
from astro.config import parse_config
from astro.errors import VerifierError
from astro.events import Event, StageProgress
from astro.files import read_lines
from astro.registry import Registry

pytestmark = [pytest.mark.openrlhf, pytest.mark.timeout(900)]
STEPS, SAVED = 24, 10
# Few problems, seen in every step, are learnt in few steps.
CHAIN = {
    "name": "chain",
    "problems": {"name": "countdown", "params": {"numbers": 3, "train": 16}},
    "trees": 2,
    "step_format": {"name": "countdown"},
    "policy": {"name": "transformers", "params": {"model": "tiny-countdown"}},
    "verifier": {"name": "countdown", "timeout": 10},
    "search": {"name": "mcts", "params": {"expand": 2, "iterations": 2}},
    "linearizer": {"name": "backtrack"},
    "evaluate": {"split": "train", "samples": 16, "greedy": False, "max_tokens": 64},
}


class Interrupting:
    """A listener that presses Ctrl-C after a step, and remembers who was at work then."""

    def __init__(self, after: int) -> None:
        self._after = after
        self.steps: list[int] = []
        self.family: list[psutil.Process] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageProgress) and event.stage == "rl":
            self.steps.append(event.done)
            if event.done == self._after:
                self.family = psutil.Process().children(recursive=True)
                raise KeyboardInterrupt


def with_path(params: dict[str, Any], folder: Path) -> dict[str, Any]:
    """`params`, with `folder` where OpenRLHF's interpreter looks for packages."""
    env = params["env"]
    return {**params, "env": {**env, "PYTHONPATH": f"{env['PYTHONPATH']}{os.pathsep}{folder}"}}


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def rl_on_cpu(cpu: dict[str, Any]) -> dict[str, Any]:
    """Params of RL, all but its length."""
    sampling = {"sync_backend": "gloo", "enforce_eager": True, "sleep": False, "max_tokens": 64}
    return {**cpu, **sampling, "rollout_micro_batch_size": 32}


def test_grpo_is_interrupted_goes_on_and_teaches(rl_on_cpu: dict[str, Any], tmp_path: Path) -> None:
    length = {"steps": STEPS, "save_every": SAVED, "learning_rate": 1e-3}
    rl = {"name": "openrlhf_grpo", "params": {**rl_on_cpu, **length}}
    config = parse_config({**CHAIN, "rl": rl}, Registry.discover())
    first, second = Interrupting(SAVED + 2), Interrupting(STEPS + 1)
    with pytest.raises(KeyboardInterrupt):
        astro.run(config, runs=tmp_path, on_event=first)
    assert len(first.family) > 5
    assert not [process for process in first.family if lives(process)]

    result = astro.run(config, runs=tmp_path, on_event=second)
    assert second.steps == list(range(SAVED + 1, STEPS + 1))
    rows = list(read_lines(tmp_path / "chain/rl/metrics.jsonl", dict[str, float]))
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    rewards = [row["reward"] for row in rows]
    assert fmean(rewards[-6:]) > fmean(rewards[:6]) + 0.1
    assert result.scores["rl"]["pass@1"].value > result.scores["base"]["pass@1"].value + 0.1


def test_ppo_with_a_third_partys_verifier_that_raises(
    build: Any, step_format: Any, given: dict[str, Any], rl_on_cpu: dict[str, Any], moody: Path
) -> None:
    params = {**with_path(rl_on_cpu, moody), "steps": 3, "prompts_per_step": 32, "kl": 0.01}
    params["value_pretraining_steps"] = 1
    trainer = build("rl", "openrlhf_ppo", params, step_format=step_format)
    given["reward"] = VerifierBinding(name="moody", max_faults=1, timeout=10)
    rows: list[Any] = []
    result = trainer.train(**given, on_step=lambda *step: rows.append(step))
    assert [(done, total) for done, total, _ in rows] == [(1, 3), (2, 3), (3, 3)]
    assert (result.model / "model.safetensors").exists()
    assert all("critic/loss" in metrics for *_, metrics in rows)
    assert ["loss" in metrics for *_, metrics in rows] == [False, True, True]
    for *_, metrics in rows[1:]:
        assert metrics["verdict/error"] > 0
        assert metrics["verdict/error"] + metrics["verdict/correct"] == pytest.approx(1)


def test_the_verifiers_alarm_ends_it(
    build: Any, step_format: Any, given: dict[str, Any], rl_on_cpu: dict[str, Any], moody: Path
) -> None:
    params = with_path(rl_on_cpu, moody)
    trainer = build("rl", "openrlhf_grpo", params, step_format=step_format)
    given["reward"] = VerifierBinding(name="moody", max_faults=0, timeout=10)
    with pytest.raises(VerifierError, match="ValueError: not today"):
        trainer.train(**given, on_step=lambda *_: None)


def test_fine_tuning(build: Any, cpu: dict[str, Any], problems: list[Any], tmp_path: Path) -> None:
    traces = tmp_path / "traces.jsonl"
    said = "1 + 2 = 3 left 3 12\n" * 2
    rows = [{"messages": [{"content": problem.prompt}, {"content": said}]} for problem in problems]
    traces.write_text("".join(json.dumps(row) + "\n" for row in rows))
    params = {**cpu, "batch_size": 16, "micro_batch_size": 8, "learning_rate": 6e-4}
    trainer = build("sft", "openrlhf_sft", {**params, "max_length": 256, "save_every": 3})
    steps: list[Any] = []
    result = trainer.train(
        traces,
        model="tiny-countdown",
        run_dir=tmp_path / "sft",
        seed=0,
        on_step=lambda *step: steps.append(step),
        tokens=2000,
    )
    assert result.metrics["tokens"] >= 2000
    assert result.metrics["steps"] == steps[-1][0] == steps[-1][1]
    assert steps[-1][2]["loss"] < 0.7 * steps[0][2]["loss"]
    assert (result.model / "model.safetensors").exists()
    assert (
        trainer.train(traces, model="x", run_dir=tmp_path / "sft", seed=0, on_step=lambda *_: None)
        == result
    )
