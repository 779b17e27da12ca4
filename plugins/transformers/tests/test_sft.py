from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaForCausalLM,
    TrainingArguments,
)

from astro.errors import TrainingError
from astro.interfaces import SFTJob, TrainResult
from astro.requests import Generate
from astro.types import FinishReason, Prompt
from astro_hf import devices
from astro_transformers.params import PolicyParams, SFTParams
from astro_transformers.policy import TransformersPolicy
from astro_transformers.sft import TransformersSFT

FAST = {"learning_rate": 5e-3, "batch_size": 4, "save_steps": 5, "device": "cpu"}


class Killed(Exception):
    pass


def row(traces: Path, number: int) -> dict:
    return json.loads(traces.read_text().splitlines()[number])


def train(
    traces: Path,
    model: str,
    run_dir: Path,
    on_step: Callable[[int, int, Mapping[str, float]], None] = lambda *_: None,
    *,
    tokens: int | None = None,
    seed: int = 0,
    **params: object,
) -> TrainResult:
    sft = TransformersSFT(SFTParams.model_validate({**FAST, **params}))
    return sft.train(SFTJob(traces, model, run_dir, seed, tokens), on_step)


def weights(result: TrainResult) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(result.model).state_dict())


def same(a: TrainResult, b: TrainResult) -> bool:
    one, other = weights(a), weights(b)
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def die_at(step: int) -> Callable[[int, int, Mapping[str, float]], None]:
    def on_step(done: int, *_: object) -> None:
        if done == step:
            raise Killed

    return on_step


def raise_killed(*_: object) -> None:
    raise Killed


def test_the_loss_falls_and_progress_is_told(traces: Path, llama: str, tmp_path: Path) -> None:
    told: list[tuple[int, int, Mapping[str, float]]] = []
    result = train(traces, llama, tmp_path, lambda *step: told.append(step), epochs=6)
    assert [done for done, _, _ in told] == list(range(1, 61))
    assert {total for _, total, _ in told} == {60}
    assert all(set(fields) == {"loss", "learning_rate", "tokens/s"} for _, _, fields in told)
    assert result.metrics["loss"] < 0.3 * told[0][2]["loss"]
    assert result.metrics["tokens"] == 6 * 40 * 5 and result.metrics["steps"] == 60
    assert result.metrics["dropped"] == 0


def test_the_model_is_whole_and_nothing_else_stays(
    traces: Path, llama: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = train(traces, llama, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["model"]
    assert capfd.readouterr() == ("", "")
    assert AutoTokenizer.from_pretrained(result.model).chat_template
    assert train(traces, llama, tmp_path / "run", die_at(1)) == result


def test_a_training_that_diverges_ends_with_a_word(
    traces: Path, llama: str, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"step \d+: the loss or its gradient is not finite"):
        train(traces, llama, tmp_path, learning_rate=1e30)
    assert not (tmp_path / "model").exists()


def test_the_model_is_written_in_its_own_type(traces: Path, llama: str, tmp_path: Path) -> None:
    start = tmp_path / "start"
    AutoModelForCausalLM.from_pretrained(llama).to(torch.bfloat16).save_pretrained(start)
    AutoTokenizer.from_pretrained(llama).save_pretrained(start)
    result = train(traces, str(start), tmp_path / "run")
    assert {weight.dtype for weight in weights(result).values()} == {torch.bfloat16}


def test_a_machine_s_gpus_are_not_all_taken(
    traces: Path, llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = TrainingArguments._setup_devices

    def four(arguments: TrainingArguments) -> torch.device:
        device: torch.device = found.func(arguments)
        arguments._n_gpu = 4
        return device

    devices = cached_property(four)
    devices.__set_name__(TrainingArguments, "_setup_devices")
    monkeypatch.setattr(TrainingArguments, "_setup_devices", devices)
    assert train(traces, llama, tmp_path, device="cpu").metrics["steps"] == 10


def test_a_gpu_that_is_not_the_first_is_refused(
    traces: Path, llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "pick_device", torch.device)
    with pytest.raises(TrainingError, match=r"device cuda:1: .*CUDA_VISIBLE_DEVICES=1"):
        train(traces, llama, tmp_path, device="cuda:1")


def test_equal_seeds_give_equal_weights(traces: Path, llama: str, tmp_path: Path) -> None:
    results = [train(traces, llama, tmp_path / str(i), seed=i // 2) for i in range(3)]
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


@pytest.mark.parametrize(
    "more",
    [{}, {"gradient_accumulation": 3}, {"lora": {"rank": 2}, "packing": True}],
    ids=["plain", "accumulation", "lora"],
)
def test_a_killed_training_ends_as_the_uninterrupted_one(
    traces: Path, llama: str, tmp_path: Path, more: dict[str, Any]
) -> None:
    params = {"epochs": 1.8, "save_steps": 2, **more}
    whole = train(traces, llama, tmp_path / "whole", **params)
    first: list[int] = []
    for step in (1, 3, 5):
        with pytest.raises(Killed):
            train(traces, llama, tmp_path / "killed", die_at(step), **params)
    last = train(traces, llama, tmp_path / "killed", lambda done, *_: first.append(done), **params)
    assert first[0] == 5 and len(first) == whole.metrics["steps"] - 4
    assert same(whole, last)
    assert last.metrics["loss"] == whole.metrics["loss"]


def test_packed_batches_train_as_padded_ones(traces: Path, llama: str, tmp_path: Path) -> None:
    losses: list[list[float]] = []
    for packing in (False, True):
        seen = losses.append([]) or losses[-1]
        train(
            traces,
            llama,
            tmp_path / str(packing),
            lambda *step, seen=seen: seen.append(step[2]["loss"]),
            packing=packing,
        )
    assert len(losses[0]) == 10 and losses[1] == pytest.approx(losses[0], abs=1e-5)


def test_adapters_are_merged_and_kept(traces: Path, llama: str, tmp_path: Path) -> None:
    result = train(traces, llama, tmp_path, epochs=3, lora={"rank": 2, "keep": True})
    start, merged = AutoModelForCausalLM.from_pretrained(llama), weights(result)
    changed = {n for n, w in start.state_dict().items() if not torch.equal(w, merged[n])}
    layers = {name for name in merged if "_proj." in name}
    assert changed == layers and set(merged) == set(start.state_dict())
    ids = torch.arange(1, 9)[None]
    kept = PeftModel.from_pretrained(start, tmp_path / "adapter")
    again = AutoModelForCausalLM.from_pretrained(result.model)
    assert torch.allclose(kept(ids).logits, again(ids).logits, atol=1e-5)


@pytest.mark.parametrize(
    ("params", "package"),
    [
        ({"lora": {"quantize": "4bit"}}, "bitsandbytes"),
        ({"liger": True}, "liger-kernel"),
    ],
    ids=["4bit", "liger"],
)
def test_what_needs_a_gpu_and_a_package(
    traces: Path,
    llama: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    params: dict[str, Any],
    package: str,
) -> None:
    with pytest.raises(TrainingError, match=r"sft\.params\.\S+.* needs a CUDA GPU; leave"):
        train(traces, llama, tmp_path, **params)
    for module in ("astro_hf.devices", "astro_transformers.quantized"):
        monkeypatch.setattr(f"{module}.pick_device", lambda _: torch.device("cuda"))
    with pytest.raises(TrainingError, match=rf"needs pip install {package}; leave"):
        train(traces, llama, tmp_path, **params)


@pytest.mark.parametrize("damage", ["truncated", "garbled", "unsealed", "stray"])
def test_a_broken_checkpoint_is_passed_over(
    traces: Path, llama: str, tmp_path: Path, damage: str
) -> None:
    whole = train(traces, llama, tmp_path / "whole", save_steps=2)
    with pytest.raises(Killed):
        train(traces, llama, tmp_path / "run", die_at(7), save_steps=2)
    newest = tmp_path / "run" / "checkpoints" / "checkpoint-6"
    optimizer = newest / "optimizer.pt"
    if damage == "truncated":
        optimizer.write_bytes(optimizer.read_bytes()[:-100])
    elif damage == "garbled":
        optimizer.write_bytes(bytes(len(optimizer.read_bytes())))
    elif damage == "unsealed":
        (newest / "manifest.json").unlink()
    else:
        (newest.parent / "checkpoint-x").mkdir()
    seen: list[int] = []
    result = train(
        traces, llama, tmp_path / "run", lambda done, *_: seen.append(done), save_steps=2
    )
    assert seen[0] == (7 if damage == "stray" else 5)
    assert same(whole, result)


@pytest.mark.parametrize(
    "error", [SafetensorError("Error while serializing: os error 28"), OSError(28, "No space")]
)
def test_a_full_disk_is_told_in_one_line(
    traces: Path, llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    whole = train(traces, llama, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(LlamaForCausalLM, "save_pretrained", fail)
        with pytest.raises(TrainingError, match=r"cannot write .*checkpoints: .*28.*free some"):
            train(traces, llama, tmp_path / "run")
    assert same(whole, train(traces, llama, tmp_path / "run"))


def test_a_training_killed_before_its_model_was_saved(
    traces: Path, llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(traces, llama, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("astro_transformers.sft.write_model", raise_killed)
        train(traces, llama, tmp_path / "run")
    result = train(traces, llama, tmp_path / "run", die_at(1))
    assert same(whole, result)
    assert result.metrics["loss"] == whole.metrics["loss"]


def test_checkpoints_of_another_training_are_not_taken(
    traces: Path, llama: str, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        train(traces, llama, tmp_path, die_at(7))
    with pytest.raises(TrainingError, match="other data or params"):
        train(traces, llama, tmp_path, learning_rate=1e-4)


def test_a_token_budget_lays_out_the_schedule(traces: Path, llama: str, tmp_path: Path) -> None:
    rates: list[float] = []
    result = train(
        traces, llama, tmp_path, lambda *s: rates.append(s[2]["learning_rate"]), tokens=333
    )
    assert 333 <= result.metrics["tokens"] < 333 + 5
    assert len(rates) == result.metrics["steps"] == 17
    assert rates[-1] < 0.1 * max(rates)


def test_long_traces_are_dropped_and_counted(traces: Path, llama: str, tmp_path: Path) -> None:
    result = train(traces, llama, tmp_path / "some", max_length=12)
    assert 0 < result.metrics["dropped"] < 40
    with pytest.raises(TrainingError, match="none of its 40 traces fits 3 tokens"):
        train(traces, llama, tmp_path / "none", max_length=3)


def test_a_tokenizer_without_an_end_is_refused(traces: Path, llama: str, tmp_path: Path) -> None:
    model = shutil.copytree(llama, tmp_path / "model")
    config = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps({**config, "eos_token": None}))
    with pytest.raises(TrainingError, match=r"no end-of-sequence token.*eos_token"):
        train(traces, str(model), tmp_path / "run")


def test_steps_are_trained_in_their_sampled_tokens(
    traces: Path, llama: str, tmp_path: Path
) -> None:
    """The tokenizer has one token for "12"; here the step was sampled as "1" and "2"."""
    sampled = row(traces, 12)
    ids = AutoTokenizer.from_pretrained(llama).convert_tokens_to_ids
    sampled["segments"][0]["token_ids"] = ids(["1", "2", "\n"])
    sampled["segments"][2]["token_ids"] = ids(["=", "12", "<eos>"])
    path = tmp_path / "traces.jsonl"
    path.write_text(f"{json.dumps(sampled)}\n{json.dumps(row(traces, 12))}\n")
    metrics = train(path, llama, tmp_path / "run").metrics
    assert metrics["tokens"] == (3 + 2 + 1) + (2 + 2 + 1)
    assert metrics["sampled_step_segments"] == 1 and metrics["unknown_step_segments"] == 4
    assert metrics["inexact/unsampled"] == 2 and metrics["inexact/tokenizer"] == 0


def test_sampling_stops_at_the_token_that_closes_a_turn(
    traces: Path, llama: str, tmp_path: Path
) -> None:
    """The template closes turns with another token than the tokenizer's end of sequence."""
    model = shutil.copytree(llama, tmp_path / "model")
    (model / "chat_template.jinja").write_text(
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}<pad>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    result = train(traces, str(model), tmp_path / "run", epochs=6)
    config = json.loads((result.model / "generation_config.json").read_text())
    assert config["eos_token_id"] == [0, 1]
    policy = TransformersPolicy(PolicyParams(model=str(result.model), device="cpu"))
    policy.add(0, Generate(Prompt("7"), n=20, max_tokens=20, seed=1))
    replies: list[Any] = []
    while not replies:
        replies = list(policy.step())
    ends = Counter(c.token_ids[-1] for c in replies[0][1] if c.finish_reason is FinishReason.EOS)
    assert ends[0] > 10 and ends[1] < 3


@pytest.mark.parametrize("line", ["{", "[]", '{"messages": []}', '{"messages": [{}, {}]}'])
def test_an_unreadable_trace_is_named(line: str, traces: Path, llama: str, tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(f"{json.dumps(row(traces, 1))}\n{line}\n")
    with pytest.raises(TrainingError, match="line 2: not a trace"):
        train(path, llama, tmp_path / "run")


def test_a_half_written_model_is_written_again(traces: Path, llama: str, tmp_path: Path) -> None:
    whole = train(traces, llama, tmp_path / "whole")
    shutil.copytree(whole.model, tmp_path / "run" / ".model.tmp")
    (tmp_path / "run" / ".model.tmp" / "config.json").write_text("")
    assert same(train(traces, llama, tmp_path / "run"), whole)
