"""Whole runs on a toy, with the real policy and the real verifier pool."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from astro.errors import TrainingError
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro_torch_rl import params
from astro_torch_rl.params import PpoParams

TIMINGS = ("seconds/rollout", "seconds/verify", "seconds/train", "tokens/s")
PPO = {"kind": PpoParams, "critic_learning_rate": 1e-2}
MANY_UPDATES = {"epochs_per_batch": 2, "minibatch": 24, "micro_batch_tokens": 64, "kl": 0.01}

pytestmark = pytest.mark.skipif(
    not any(
        (e.provider.kind, e.provider.name) == ("policy", "transformers")
        for e in Registry.discover().entries
    ),
    reason="needs the transformers policy",
)


def rows(run_dir: Path) -> list[dict[str, Any]]:
    """The metrics of a run without its timings."""
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMINGS} for line in lines]


def assert_same_run(run_dir: Path, other: Path) -> None:
    """Bit for bit: metrics and trained weights."""
    assert rows(run_dir) == rows(other)
    found, expected = (
        AutoModelForCausalLM.from_pretrained(folder / "model").state_dict()
        for folder in (run_dir, other)
    )
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("algorithm", [{}, PPO], ids=["grpo", "ppo"])
def test_reward_rises(toy: Any, tmp_path: Path, algorithm: dict[str, Any]) -> None:
    result = toy.train(tmp_path, seed=1, steps=40, max_silent_steps=40, **algorithm)
    rewards = [row["reward"] for row in rows(tmp_path)]
    assert rewards[0] < 0.3
    assert sum(rewards[-5:]) / 5 > 0.9
    assert toy.reported == [(i, 40, reward) for i, reward in enumerate(rewards, start=1)]
    assert result.metrics["step"] == 40
    model = AutoModelForCausalLM.from_pretrained(result.model)
    tokenizer = AutoTokenizer.from_pretrained(result.model)
    for problem in toy.problems:
        inputs = tokenizer(problem.prompt, return_tensors="pt")
        output = model.generate(**inputs, max_new_tokens=2, do_sample=False)
        response = tokenizer.decode(output[0], skip_special_tokens=True)
        assert response.endswith(f"answer is {problem.answer}\n")


def test_every_metric_is_there_and_within_its_range(toy: Any, tmp_path: Path) -> None:
    toy.train(tmp_path, steps=2)
    for row in rows(tmp_path):
        for share in ("reward", "pass_rate", "truncated", "backtrack_share", "clip_fraction"):
            assert 0 <= row[share] <= 1
        assert sum(value for name, value in row.items() if name.startswith("verdict/")) == 1
        assert 1 <= row["response_length"] <= 2
        assert row["mismatch"] < 1e-5
        assert row["entropy"] > 1
        assert row["grad_norm"] > 0
        assert 0 < row["backtracks"] <= 2


@pytest.mark.parametrize(
    ("stop_at", "variant"),
    [
        pytest.param(1, MANY_UPDATES, id="before the first checkpoint"),
        pytest.param(2, MANY_UPDATES, id="at a checkpoint"),
        pytest.param(5, {**PPO, **MANY_UPDATES, "value_pretraining_steps": 3}, id="ppo"),
        pytest.param(5, {"lora": {"rank": 4}}, id="lora"),
        pytest.param(5, {"lora": {"rank": 4}, **PPO}, id="ppo with lora"),
    ],
)
def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    toy: Any, tmp_path: Path, stop_at: int, variant: dict[str, Any]
) -> None:
    toy.train(tmp_path / "whole", filter_samples=4, **variant)

    def interrupt(*progress: Any) -> None:
        if progress[0] == stop_at:
            raise KeyboardInterrupt

    toy.on_step, report = interrupt, toy.on_step
    with pytest.raises(KeyboardInterrupt):
        toy.train(tmp_path / "parts", filter_samples=4, **variant)
    toy.on_step = report
    toy.train(tmp_path / "parts", filter_samples=4, **variant)
    assert_same_run(tmp_path / "parts", tmp_path / "whole")


@pytest.mark.parametrize("kind", ["GrpoParams", "PpoParams"])
def test_a_killed_run_ends_as_an_uninterrupted_one(toy: Any, tmp_path: Path, kind: str) -> None:
    algorithm = {"kind": getattr(params, kind)}
    toy.train(tmp_path / "whole", **algorithm)
    script = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import conftest
toy = conftest.Toy(Path({str(toy.model)!r}))
toy.on_step = lambda done, total, metrics: done == 3 and os.kill(os.getpid(), {signal.SIGKILL})
toy.train(Path({str(tmp_path / "parts")!r}), kind=conftest.{kind})
"""
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert len(rows(tmp_path / "parts")) == 3
    toy.train(tmp_path / "parts", **algorithm)
    assert toy.reported[-4][0] == 3
    assert_same_run(tmp_path / "parts", tmp_path / "whole")


@pytest.mark.parametrize(
    ("file", "damage"),
    [("trainer.pt", "cut"), ("model.safetensors", "cut"), ("model.safetensors", "flipped")],
)
def test_a_damaged_checkpoint_is_passed_over(
    toy: Any, tmp_path: Path, file: str, damage: str
) -> None:
    toy.train(tmp_path / "whole")

    def interrupt(*progress: Any) -> None:
        if progress[0] == 5:
            raise KeyboardInterrupt

    toy.on_step, report = interrupt, toy.on_step
    with pytest.raises(KeyboardInterrupt):
        toy.train(tmp_path / "parts")
    newest = tmp_path / "parts" / "checkpoints" / "step-000004" / file
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content if damage == "flipped" else content[:-100])
    toy.on_step = report
    first = len(toy.reported)
    toy.train(tmp_path / "parts")
    assert toy.reported[first][0] == 3
    assert_same_run(tmp_path / "parts", tmp_path / "whole")


@pytest.mark.parametrize("row", ["{", '{"step": "x"}', '{"loss": 1.0}', "\xff"])
def test_damaged_metrics_are_told_in_one_line(toy: Any, tmp_path: Path, row: str) -> None:
    toy.train(tmp_path, steps=2)
    log = tmp_path / "metrics.jsonl"
    good = log.read_text()
    log.write_text(good.replace("\n", f"\n{row}\n", 1), encoding="latin-1")
    with pytest.raises(TrainingError, match=r"metrics.jsonl:2: damaged row.*remove that line"):
        toy.train(tmp_path, steps=2)


def test_a_finished_run_is_returned_at_once(toy: Any, tmp_path: Path) -> None:
    first = toy.train(tmp_path, steps=1)
    second = toy.train(tmp_path, steps=1)
    assert (second, len(toy.reported)) == (first, 1)


def test_another_seed_is_another_run(toy: Any, tmp_path: Path) -> None:
    for seed in (0, 1):
        toy.train(tmp_path / str(seed), seed=seed, steps=1)
    assert rows(tmp_path / "0") != rows(tmp_path / "1")


def test_the_two_newest_checkpoints_are_kept(toy: Any, tmp_path: Path) -> None:
    toy.train(tmp_path, steps=5, save_every=1)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-000004", "step-000005"]


@pytest.mark.parametrize("handling", [{"mask_truncated": True}, {"overlong": {"buffer": 1}}])
def test_truncated_responses_can_be_left_out_or_punished(
    toy: Any, tmp_path: Path, handling: dict[str, Any]
) -> None:
    toy.train(tmp_path / "all", steps=1)
    toy.train(tmp_path / "handled", steps=1, **handling)
    (everything,), (handled,) = rows(tmp_path / "all"), rows(tmp_path / "handled")
    assert everything["truncated"] == handled["truncated"] > 0
    assert everything["reward"] == handled["reward"]
    assert everything["grad_norm"] != handled["grad_norm"]


def test_training_reads_prompts_as_the_policy_does(toy: Any, tmp_path: Path) -> None:
    """A token that only the sampler saw would set its log-probabilities apart."""
    model = shutil.copytree(toy.model, tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }} three {% endfor %}"
    tokenizer.save_pretrained(model)
    entropies = set()
    for style in ({"prompt": {"system": "two"}}, {"processes": 2, "prompt": {"style": "raw"}}):
        run_dir = tmp_path / next(iter(style))
        policy = Binding(name="transformers", params={"device": "cpu", **style})
        job = toy.job(run_dir, model=str(model), policy=policy)
        toy.trainer(steps=1).train(job, toy.on_step)
        (row,) = rows(run_dir)
        assert row["mismatch"] < 1e-5
        entropies.add(row["entropy"])
    assert len(entropies) == 2


def test_a_policy_that_cannot_take_weights_is_refused(toy: Any, tmp_path: Path) -> None:
    class Fixed:
        def close(self) -> None:
            pass

    trainer = toy.trainer(build_policy=lambda _: Fixed())
    with pytest.raises(TrainingError, match=r"Fixed cannot take new weights .*transformers"):
        trainer.train(toy.job(tmp_path, policy=Binding(name="fixed")), toy.on_step)


def test_value_pretraining_trains_the_critic_alone(toy: Any, tmp_path: Path) -> None:
    toy.train(tmp_path, steps=3, value_pretraining_steps=2, **PPO)
    found = rows(tmp_path)
    assert ["loss" in row for row in found] == [False, False, True]
    assert all("critic/loss" in row for row in found)
    assert [row["learning_rate"] for row in found[2:]] == [1e-2]


def test_a_group_of_one_is_enough_for_a_critic(toy: Any, tmp_path: Path) -> None:
    toy.train(tmp_path, steps=2, group_size=1, **PPO)
    assert rows(tmp_path)[-1]["grad_norm"] > 0


def test_adapters_are_merged_for_the_sampler_and_in_the_result(toy: Any, tmp_path: Path) -> None:
    result = toy.train(tmp_path, steps=4, lora={"rank": 4})
    assert all(row["mismatch"] < 1e-5 for row in rows(tmp_path))
    start = AutoModelForCausalLM.from_pretrained(toy.model).state_dict()
    for folder in (result.model, tmp_path / "checkpoints/step-000004"):
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert model.state_dict().keys() == start.keys()
        moved = {n for n, w in model.state_dict().items() if not torch.equal(w, start[n])}
        assert moved
        assert all("_proj" in name for name in moved)


def test_checkpointed_gradients_are_the_same(toy: Any, tmp_path: Path) -> None:
    toy.train(tmp_path / "plain", steps=2, **PPO)
    toy.train(tmp_path / "again", steps=2, gradient_checkpointing=True, **PPO)
    plain, again = rows(tmp_path / "plain"), rows(tmp_path / "again")
    for row, other in zip(plain, again, strict=True):
        assert other == pytest.approx(row, rel=1e-4)


def test_a_run_without_any_signal_ends_with_an_error(toy: Any, tmp_path: Path) -> None:
    impossible = [replace(problem, answer="5") for problem in toy.problems]
    toy.problems = impossible
    with pytest.raises(TrainingError, match=r"nothing to learn from in 2 steps: .*reward 0\.000"):
        toy.train(tmp_path, max_silent_steps=2)
    assert [row["silent"] for row in rows(tmp_path)] == [1.0, 1.0]
    assert not (tmp_path / "model").exists()


def test_a_run_that_has_solved_everything_ends_early_and_says_so(toy: Any, tmp_path: Path) -> None:
    toy.problems = toy.problems[:1]
    result = toy.train(tmp_path, steps=80, max_silent_steps=3)
    assert len(rows(tmp_path)) < 80
    assert "every response is correct" in result.note
    assert toy.train(tmp_path, steps=80, max_silent_steps=3) == result


@pytest.mark.parametrize(
    "error", [SafetensorError("Error while serializing: os error 28"), OSError(28, "No space")]
)
def test_a_full_disk_is_told_in_one_line(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    toy.train(tmp_path / "whole", steps=4)
    with monkeypatch.context() as patch:
        patch.setattr(PreTrainedModel, "save_pretrained", fail)
        with pytest.raises(TrainingError, match=r"^cannot write .*: .*28.*; free some") as caught:
            toy.train(tmp_path / "full", steps=4)
        assert "\n" not in str(caught.value)
    toy.train(tmp_path / "full", steps=4)
    assert_same_run(tmp_path / "full", tmp_path / "whole")
