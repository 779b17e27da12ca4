"""Fine-tuning in two processes on a CPU, which gloo connects."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from transformers import AutoModelForCausalLM

from astro.errors import TrainingError
from astro.interfaces import SFTJob, TrainResult
from astro_transformers.params import SFTParams
from astro_transformers.ranks import build

FAST = {"learning_rate": 5e-3, "batch_size": 3, "save_steps": 2, "device": "cpu"}
KILLED = """
import sys
from pathlib import Path
from astro.interfaces import SFTJob
from astro_transformers.params import SFTParams
from astro_transformers.ranks import build

params, traces, model, run_dir = sys.argv[1:]
trainer = build(SFTParams.model_validate_json(params))
job = SFTJob(Path(traces), model, Path(run_dir), 0)
trainer.train(job, lambda *step: print(step[0], flush=True))
"""
STEPS = 14
"""Batches of three of the 40 samples; the last has one, which leaves nothing to one process."""
Trained = tuple[TrainResult, list[tuple[int, int, float]]]
OnStep = Callable[[int, int, Mapping[str, float]], None]


def train(
    traces: Path,
    model: str,
    run_dir: Path,
    on_step: OnStep = lambda *_: None,
    **params: object,
) -> TrainResult:
    sft = build(SFTParams.model_validate({**FAST, "processes": 2, **params}))
    return sft.train(SFTJob(traces, model, run_dir, 0), on_step)


def with_steps(traces: Path, model: str, run_dir: Path, **params: object) -> Trained:
    steps: list[tuple[int, int, float]] = []

    def on_step(done: int, total: int, metrics: Mapping[str, float]) -> None:
        steps.append((done, total, metrics["loss"]))

    return train(traces, model, run_dir, on_step, **params), steps


def weights(result: TrainResult) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(result.model).state_dict())


def apart(one: TrainResult, other: TrainResult) -> float:
    """The largest difference of two weights."""
    wanted = weights(other)
    return max(float((w - wanted[name]).abs().max()) for name, w in weights(one).items())


def ranks() -> list[psutil.Process]:
    """The processes of trainings, and not those of other tests in this process."""
    found = psutil.Process().children(recursive=True)
    return [process for process in found if "astro_transformers.rank" in process.cmdline()]


@pytest.fixture(scope="module")
def whole(traces: Path, llama: str, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """An uninterrupted training in two processes, and its steps."""
    return with_steps(traces, llama, tmp_path_factory.mktemp("whole"))


def test_two_processes_train_as_one(
    traces: Path, llama: str, tmp_path: Path, whole: Trained
) -> None:
    result, steps = whole
    expected, alone = with_steps(traces, llama, tmp_path, processes=1)
    assert [step[:2] for step in steps] == [(done, STEPS) for done in range(1, STEPS + 1)]
    assert [step[2] for step in steps] == pytest.approx([step[2] for step in alone], abs=1e-5)
    assert apart(result, expected) < 1e-4
    assert {**result.metrics, "seconds": 0} == pytest.approx({**expected.metrics, "seconds": 0})
    assert not ranks()


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [{}, {"shard": True, "gradient_checkpointing": True}], ids=["copies", "shards"]
)
def test_adapters_and_packed_batches(
    traces: Path,
    llama: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    more: dict[str, bool],
) -> None:
    params = {"lora": {"rank": 2, "keep": True}, "packing": True, "gradient_accumulation": 2}
    alone = train(traces, llama, tmp_path / "1", processes=1, **params)
    two = train(traces, llama, tmp_path / "2", **params, **more)
    assert apart(alone, two) < 1e-4
    assert sorted(path.name for path in (tmp_path / "2").iterdir()) == ["adapter", "model"]
    assert capfd.readouterr() == ("", "")


def kill_one(done: int, *_: object) -> None:
    if done == 7:
        ranks()[-1].kill()


def test_when_a_process_is_killed_the_same_training_resumes(
    traces: Path, llama: str, tmp_path: Path, whole: Trained
) -> None:
    with pytest.raises(TrainingError, match=r"process of the training died \(exit code -9\); run"):
        train(traces, llama, tmp_path, kill_one)
    assert not ranks()
    result, steps = with_steps(traces, llama, tmp_path)
    assert steps[0][0] >= 7 and steps == whole[1][steps[0][0] - 1 :]
    assert apart(result, whole[0]) == 0
    assert result.metrics["loss"] == whole[0].metrics["loss"]


@pytest.mark.slow
def test_shards_train_and_resume_as_a_whole_model(traces: Path, tied: str, tmp_path: Path) -> None:
    expected, alone = with_steps(traces, tied, tmp_path / "alone", processes=1)
    result, steps = with_steps(traces, tied, tmp_path / "shards", shard=True)
    assert [step[2] for step in steps] == pytest.approx([step[2] for step in alone], abs=1e-5)
    assert apart(result, expected) < 1e-4
    config = json.loads((result.model / "generation_config.json").read_text())
    assert config == json.loads((expected.model / "generation_config.json").read_text())
    with pytest.raises(TrainingError, match="died"):
        train(traces, tied, tmp_path / "killed", kill_one, shard=True)
    assert apart(train(traces, tied, tmp_path / "killed", shard=True), result) == 0


@pytest.mark.slow
def test_all_processes_end_with_the_one_that_started_them(
    traces: Path, llama: str, tmp_path: Path, whole: Trained
) -> None:
    params = json.dumps({**FAST, "processes": 2})
    command = [sys.executable, "-c", KILLED, params, str(traces), llama, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout
        while started.stdout.readline() != "7\n":
            assert started.poll() is None
        both = ranks()
        started.kill()
    assert len(both) == 2 and not psutil.wait_procs(both, 10)[1]
    assert apart(train(traces, llama, tmp_path), whole[0]) == 0


@pytest.mark.slow
def test_an_error_of_a_process_is_that_of_the_training(
    llama: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text("{\n")
    with pytest.raises(TrainingError, match="line 1: not a trace"):
        train(path, llama, tmp_path / "run")
    assert capfd.readouterr() == ("", "") and not ranks()


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"processes": 2, "device": "cuda:1"}, "device: cuda:1 is one GPU, for 2 processes"),
        ({"shard": True}, "shard: there is one process"),
        ({"shard": True, "processes": 2, "lora": {"quantize": "4bit"}}, "leave out quantize"),
    ],
)
def test_params_that_exclude_one_another(params: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        SFTParams.model_validate(params)
