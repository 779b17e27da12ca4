"""The real OpenRLHF, Ray, DeepSpeed and vLLM on a CPU, minutes in all: `make test-openrlhf`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

import astro
from astro.config.loading import parse_config
from astro.errors import TrainingError, VerifierError
from astro.events import Event, StageProgress
from astro.files import read_lines
from astro.interfaces import OnStep, RLJob, SFTJob, TrainResult
from astro.plugins.binding import VerifierBinding
from astro.plugins.registry import Registry

pytestmark = [pytest.mark.openrlhf, pytest.mark.timeout(900)]
STEPS, SAVED, TOKENS = 24, 10, 12_000
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


def jobs(cluster: str) -> list[str]:
    """What has become of each job of the cluster, the oldest first."""
    with urlopen(f"{cluster}/api/jobs/", timeout=30) as reply:
        found = json.load(reply)
    submitted = [job for job in found if job["type"] == "SUBMISSION"]
    return [job["status"] for job in sorted(submitted, key=lambda job: job["start_time"])]


@pytest.fixture
def rl_on_cpu(cpu: dict[str, Any]) -> dict[str, Any]:
    """Params of RL, all but its length."""
    sampling = {"sync_backend": "gloo", "enforce_eager": True, "sleep": False, "max_tokens": 64}
    return {**cpu, **sampling, "rollout_micro_batch_size": 32}


@pytest.fixture
def trainer(build: Any, step_format: Any, rl_on_cpu: dict[str, Any]) -> Callable[..., Any]:
    """Builds a trainer of RL whose interpreter finds packages in a folder too."""

    def make(name: str, folder: Path, **params: Any) -> Any:
        params = {**with_path(rl_on_cpu, folder), **params}
        return build("rl", name, params, step_format=step_format)

    return make


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


def test_ppo_as_a_job_with_a_third_partys_verifier_that_raises(
    trainer: Callable[..., Any], job: RLJob, moody: Path, cluster: str
) -> None:
    params = {"steps": 3, "prompts_per_step": 32, "kl": 0.01, "value_pretraining_steps": 1}
    ppo = trainer("openrlhf_ppo", moody, mode="job", address=cluster, **params)
    job = replace(job, reward=VerifierBinding(name="moody", max_faults=1, timeout=10))
    rows: list[Any] = []
    result = ppo.train(job, lambda *step: rows.append(step))
    assert [(done, total) for done, total, _ in rows] == [(1, 3), (2, 3), (3, 3)]
    assert (result.model / "model.safetensors").exists()
    assert all("critic/loss" in metrics for *_, metrics in rows)
    assert ["loss" in metrics for *_, metrics in rows] == [False, True, True]
    for *_, metrics in rows[1:]:
        assert metrics["verdict/error"] > 0
        assert metrics["verdict/error"] + metrics["verdict/correct"] == pytest.approx(1)
    assert jobs(cluster)[-1] == "SUCCEEDED"


def test_the_verifiers_alarm_stops_the_job(
    trainer: Callable[..., Any], job: RLJob, moody: Path, cluster: str
) -> None:
    grpo = trainer("openrlhf_grpo", moody, mode="job", address=cluster)
    job = replace(job, reward=VerifierBinding(name="moody", max_faults=0, timeout=10))
    with pytest.raises(VerifierError, match="ValueError: not today"):
        grpo.train(job, lambda *_: None)
    assert jobs(cluster)[-1] == "STOPPED"


@pytest.fixture
def tuning(build: Any, cpu: dict[str, Any], problems: list[Any], tmp_path: Path) -> Any:
    """Fine-tunes on a few traces. Called with `on_step` and further params."""
    traces = tmp_path / "traces.jsonl"
    said = "1 + 2 = 3 left 3 12\n" * 2
    rows = [{"messages": [{"content": problem.prompt}, {"content": said}]} for problem in problems]
    traces.write_text("".join(json.dumps(row) + "\n" for row in rows))
    length = {"batch_size": 16, "micro_batch_size": 8, "max_length": 256, "save_every": SAVED}

    def tune(on_step: OnStep, **params: Any) -> TrainResult:
        trainer = build("sft", "openrlhf_sft", {**cpu, **length, "learning_rate": 6e-4, **params})
        job = SFTJob(traces, "tiny-countdown", tmp_path / "sft", seed=0, tokens=TOKENS)
        result: TrainResult = trainer.train(job, on_step)
        return result

    return tune


def test_fine_tuning_is_interrupted_and_goes_on(tuning: Any, tmp_path: Path) -> None:
    steps: list[int] = []

    def interrupt(step: int, *_: object) -> None:
        if step == SAVED + 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuning(interrupt)
    result = tuning(lambda step, *_: steps.append(step))
    last = int(result.metrics["steps"])
    assert steps == list(range(steps[0], last + 1))
    assert steps[0] % SAVED == 1 < steps[0]  # a fast one may have come to a later checkpoint
    assert result.metrics["tokens"] >= TOKENS
    rows = list(read_lines(tmp_path / "sft/metrics.jsonl", dict[str, float]))
    assert [row["step"] for row in rows[-len(steps) :]] == steps
    assert rows[-1]["loss"] < 0.7 * rows[0]["loss"]
    assert (result.model / "model.safetensors").exists()
    assert tuning(lambda *_: None) == result


def test_a_failure_is_told_in_openrlhfs_own_words(tuning: Any) -> None:
    with pytest.raises(TrainingError, match=r"OpenRLHF failed: .*no_such_attention"):
        tuning(lambda *_: None, attention="no_such_attention")
