"""The policy and the fine-tuner on a GPU against the same on a CPU; run by `bench/gpu.sh`.

ASTRO_GPU_TESTS_ON=cpu compares the CPU with itself, to try the tests without a GPU.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from astro.interfaces import SFTJob
from astro.requests import Generate, LogProb
from astro.testing.policies import all_replies
from astro.types import Completion, Prompt
from astro_transformers.params import PolicyParams, SFTParams
from astro_transformers.policy import TransformersPolicy
from astro_transformers.sft import TransformersSFT

DEVICE = os.environ.get("ASTRO_GPU_TESTS_ON", "cuda")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(), reason="there is no GPU here"
    ),
]
PROMPTS = [Prompt(text) for text in ("7", "1 2 3", "4 + 5 = 9\n7 7 7 7 7", "30 31 32", "8\n\n9")]


@pytest.fixture(autouse=True)
def whole_float32() -> Iterator[None]:
    """TF32 rounds the factors of a product to ten bits."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)


def policy(model: str, device: str = DEVICE, dtype: str = "float32") -> TransformersPolicy:
    return TransformersPolicy(PolicyParams(model=model, device=device, dtype=dtype))  # type: ignore[arg-type]


def sampled(policy: TransformersPolicy, temperature: float) -> list[Completion]:
    asked = [
        Generate(prompt, max_tokens=24, temperature=temperature, seed=3, stop=("\n\n",))
        for prompt in PROMPTS
    ]
    return [sample for (sample,) in all_replies(policy, asked)]


def scored(policy: TransformersPolicy) -> torch.Tensor:
    asked = [LogProb(prompt, (" 7 8\n9 = 1",)) for prompt in PROMPTS]
    return torch.tensor([scores for (scores,) in all_replies(policy, asked)])


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_samples_are_those_of_the_cpu(llama: str, temperature: float) -> None:
    found, expected = (
        sampled(policy(llama), temperature),
        sampled(policy(llama, "cpu"), temperature),
    )
    assert [sample.token_ids for sample in found] == [sample.token_ids for sample in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.3)])
def test_logprobs_are_those_of_the_cpu(llama: str, dtype: str, tolerance: float) -> None:
    """Products of bfloat16 have eight bits, and the logits of this model reach 10."""
    found, expected = scored(policy(llama, dtype=dtype)), scored(policy(llama, "cpu"))
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def test_weights_of_a_trainer_are_taken_over(llama: str) -> None:
    serving, start = policy(llama), policy(llama, "cpu")
    before = scored(serving)
    changed = AutoModelForCausalLM.from_pretrained(llama)
    with torch.no_grad():
        changed.lm_head.weight.mul_(0.5)
    serving.reload(changed.state_dict().items())
    start.reload(changed.state_dict().items())
    torch.testing.assert_close(scored(serving), scored(start), rtol=0, atol=1e-4)
    assert not torch.allclose(scored(serving), before, atol=1e-2)


@pytest.mark.parametrize("lora", [None, {"rank": 4}])
def test_a_fine_tuned_model_is_that_of_the_cpu(
    llama: str, tmp_path: Path, lora: dict[str, int] | None
) -> None:
    traces = tmp_path / "traces.jsonl"
    traces.write_text("".join(map(line, range(8))))
    losses = {}
    for device in (DEVICE, "cpu"):
        params = SFTParams.model_validate(
            {"device": device, "lora": lora, "learning_rate": 1e-3, "batch_size": 4, "bf16": False}
        )
        steps: list[float] = []
        job = SFTJob(traces, llama, tmp_path / f"{device}-{len(losses)}", 0)
        result = TransformersSFT(params).train(job, lambda *a: steps.append(a[2]["loss"]))  # noqa: B023
        losses[device] = (steps, scored(policy(str(result.model), "cpu")))
    assert losses[DEVICE][0] == pytest.approx(losses["cpu"][0], abs=1e-3)
    torch.testing.assert_close(losses[DEVICE][1], losses["cpu"][1], rtol=0, atol=1e-2)


def line(number: int) -> str:
    segment = {"text": f"{number}\n={number}", "node": 1, "kind": "step", "train": True}
    turns = [
        {"role": "user", "content": str(number)},
        {"role": "assistant", "content": segment["text"]},
    ]
    return json.dumps({"id": f"p{number}", "messages": turns, "segments": [segment]}) + "\n"
