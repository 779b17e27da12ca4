"""Keys and values stay within their room, and the room changes no token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM

from astro.planning.memory import PeakMemory, Workload
from astro.requests import Failure, Generate
from astro.testing.policies import all_replies
from astro.types import Completion, Prompt
from astro_transformers.memory import fine_tuning, sampling
from astro_transformers.params import PolicyParams, SFTParams
from astro_transformers.policy import TransformersPolicy


def samples(policy: TransformersPolicy) -> list[tuple[int, ...]]:
    requests = [
        Generate(Prompt(f"{i} {i}" + " 7" * (i % 5)), n=4, max_tokens=60, seed=i, stop=("\n",))
        for i in range(8)
    ]
    replies = all_replies(policy, requests)
    return [c.token_ids for reply in replies for c in reply if isinstance(c, Completion)]


def peak(reset: bool = False) -> int:
    """The largest resident size of this process in bytes, since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


def grown(policy: TransformersPolicy) -> tuple[int, list[tuple[int, ...]]]:
    """The growth of the resident size while samples are drawn, and their tokens."""
    before = peak(reset=True)
    found = samples(policy)
    return peak() - before, found


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_memory_is_bounded_by_bytes(wide: str, llama: str) -> None:
    """The batch of 32 does not fit, so that samples wait and some begin again."""
    samples(TransformersPolicy(PolicyParams(model=llama)))  # what code needs at its first run
    room = 48 * 2**20
    bounded, free = (
        TransformersPolicy(PolicyParams(model=wide, prefix_cache_mb=0, kv_cache_mb=size))
        for size in (48, 2000)
    )
    growth, found = grown(bounded)
    assert growth < 1.25 * room
    unbounded, expected = grown(free)
    assert found == expected and len(found) == 32
    assert unbounded > 2 * room


def test_a_sample_that_cannot_fit_alone_is_refused(wide: str) -> None:
    policy = TransformersPolicy(PolicyParams(model=wide, kv_cache_mb=4))  # 64 tokens
    fits, long, longer = all_replies(
        policy,
        [
            Generate(Prompt("1"), max_tokens=44, stop=("never",)),  # 3 of the prompt, and one more
            Generate(Prompt("1"), max_tokens=45),
            Generate(Prompt("1 " * 8), max_tokens=1),
        ],
    )
    assert len(fits) == 1
    for failure in (long, longer):
        assert isinstance(failure, Failure)
        assert "MiB of keys and values, and there is room for 4: set kv_cache_mb" in failure.reason
    assert "need 5 MiB" in long.reason


def test_a_room_given_is_shared_by_the_processes(wide: str) -> None:
    policy = TransformersPolicy(PolicyParams(model=wide, kv_cache_mb=8, processes=2))
    (failure,) = all_replies(policy, [Generate(Prompt("1"), max_tokens=45)])
    assert isinstance(failure, Failure)


def test_what_fine_tuning_takes_is_foreseen(llama: str) -> None:
    """By hand: the weights, and adapters of rank 2 in 7 layers of 2 blocks."""
    work, model = Workload(llama, 4, 60), AutoModelForCausalLM.from_pretrained(llama)

    def peak(**params: Any) -> PeakMemory:
        return fine_tuning(SFTParams.model_validate({"device": "cpu", **params}), work)

    plain, doubled = peak(batch_size=4), peak(batch_size=8)
    assert doubled.what == "8 sequences of 64 tokens"
    assert plain.total < doubled.total
    assert peak(batch_size=8, gradient_checkpointing=True).total < doubled.total
    weights = sum(p.nbytes for p in model.parameters())
    assert weights <= plain.kept["weights"] < 1.01 * weights + 1000  # with rotary frequencies
    shapes = [(32, 32), (32, 16), (32, 16), (32, 32), (32, 64), (32, 64), (64, 32)]
    adapters = 4 * 2 * 2 * sum(a + b for a, b in shapes)
    assert peak(lora={"rank": 2}).kept["weights"] == plain.kept["weights"] + adapters


def test_what_sampling_takes_is_foreseen(llama: str) -> None:
    params = PolicyParams(model=llama, device="cpu", max_batch=8, prefix_cache_mb=1)
    peak = sampling(params, Workload(llama, 4, 60))
    assert peak.what == "8 sequences of 64 tokens"
    token = 2 * 2 * 2 * 8 * 4  # keys and values of 2 layers and 2 heads, of 8 numbers
    assert peak.kept["keys and values"] >= 2**20 + 8 * 64 * token
