"""New weights in a running engine, and a LoRA adapter: each equals an engine started with them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from astro.errors import PolicyError
from astro.plugins import models
from astro.requests import Failure, Generate, LogProb
from astro.types import Completion, Prompt

pytestmark = pytest.mark.vllm

Serve = Callable[..., Any]
Run = Callable[..., list[Any]]
Weights = dict[str, Any]

PROMPT = Prompt("use 3 5 8 to make 19", "3 + 5 = 8 left 8 8\n" * 7)
SAMPLED = [
    Generate(PROMPT, max_tokens=20, temperature=0),
    Generate(PROMPT, n=3, max_tokens=20, seed=6),
]
REQUESTS = [*SAMPLED, LogProb(PROMPT, ("answer 8\n",))]


@pytest.fixture
def weights() -> Weights:
    """The tiny model's own, by their names in a checkpoint."""
    from transformers import AutoModelForCausalLM

    folder = models.resolve("tiny-countdown")
    return dict(AutoModelForCausalLM.from_pretrained(folder).state_dict())


@pytest.fixture
def other(weights: Weights) -> Weights:
    """Weights that say something else."""
    import torch

    torch.manual_seed(3)
    new = {name: tensor + 0.1 * torch.randn_like(tensor) for name, tensor in weights.items()}
    return new | {"lm_head.weight": new["model.embed_tokens.weight"]}


def save(weights: Weights, target: Path) -> str:
    """A checkpoint of the tiny model's kind with other weights."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = models.resolve("tiny-countdown")
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.load_state_dict(weights)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(folder).save_pretrained(target)
    return str(target)


def alike(replies: list[Any], others: list[Any]) -> bool:
    """Equal tokens, and log-probabilities up to rounding."""
    pairs = zip(parts(replies), parts(others), strict=True)
    return all(a[0] == b[0] and a[1] == pytest.approx(b[1], abs=1e-3) for a, b in pairs)


def parts(replies: list[Any]) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """(tokens, log-probabilities) of every completion, and ((), scores) of what was scored."""
    return [
        (part.token_ids, part.logprobs) if isinstance(part, Completion) else ((), part)
        for reply in replies
        for part in reply
    ]


def test_reloading_equals_a_fresh_engine(
    serve: Serve, run: Run, weights: Weights, other: Weights, tmp_path: Path
) -> None:
    """Also for a prompt whose keys and values are cached, and back again."""
    fresh = run(serve(save(other, tmp_path)), REQUESTS)
    policy = serve()
    before = run(policy, REQUESTS)
    assert not alike(before, fresh)
    policy.reload(other.items())
    assert alike(run(policy, REQUESTS), fresh)
    policy.reload((name, tensor) for name, tensor in weights.items())
    assert alike(run(policy, REQUESTS), before)


def test_weights_change_between_requests_only(serve: Serve, weights: Weights) -> None:
    policy = serve(fresh=True)
    policy.add(0, REQUESTS[0])
    with pytest.raises(PolicyError, match="under way"):
        policy.reload(weights.items())


def test_weights_that_do_not_fit_are_refused(serve: Serve, weights: Weights) -> None:
    with pytest.raises(PolicyError, match="nonsense"):
        serve(fresh=True).reload([("nonsense", weights["model.norm.weight"])])


@pytest.mark.timeout(600)
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs a core for each of two workers")
def test_two_workers_equal_one(
    serve: Serve, run: Run, other: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds half of every layer; they take new weights, and end with the policy."""
    alone = serve(fresh=True)
    before = run(alone, REQUESTS)
    alone.reload(other.items())
    after = run(alone, REQUESTS)
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "0|1")
    policy = serve(tensor_parallel_size=2)
    workers = [child for child in psutil.Process().children() if "VLLM" in child.name()]
    assert len(workers) == 2
    assert alike(run(policy, REQUESTS), before)
    policy.reload(other.items())
    assert alike(run(policy, REQUESTS), after)
    serve(fresh=True)
    assert not any(worker.is_running() for worker in workers)


def make_adapter(weights: Weights, folder: Path) -> Weights:
    """Writes a random adapter of the query projections; returns the weights merged with it.

    W + (alpha / r) B A (Hu et al., "LoRA", 2021, section 4.1).
    """
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(5)
    rank, alpha = 4, 8
    names = [name for name in weights if name.endswith("q_proj.weight")]
    a = {name: 0.3 * torch.randn(rank, weights[name].shape[1]) for name in names}
    b = {name: 0.3 * torch.randn(weights[name].shape[0], rank) for name in names}
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": ["q_proj"]}
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(config))
    tensors = {
        f"base_model.model.{name.removesuffix('.weight')}.lora_{part}.weight": matrices[name]
        for part, matrices in (("A", a), ("B", b))
        for name in names
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    return weights | {name: weights[name] + alpha / rank * b[name] @ a[name] for name in names}


def test_an_adapter_equals_the_merged_weights(
    serve: Serve, run: Run, weights: Weights, tmp_path: Path
) -> None:
    merged = save(make_adapter(weights, tmp_path / "adapter"), tmp_path / "merged")
    expected = run(serve(merged), SAMPLED)
    assert not alike(run(serve(), SAMPLED), expected)
    adapted = serve(lora_path=str(tmp_path / "adapter"), max_lora_rank=8)
    assert alike(run(adapted, SAMPLED), expected)
    (failure,) = run(adapted, REQUESTS[-1:])
    assert failure == Failure("vLLM cannot score given text with a LoRA adapter")
