"""Compares search on vLLM with `LLM.generate` of the same requests, and measures prefix reuse.

Runs where vLLM is installed. Both decode the same samples with the same parameters and seeds,
each with an engine of its own whose cache is empty at first.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from marks import Mark, publish

from astro.data.prompts import PromptEncoder
from astro.engine.journal import Journal
from astro.engine.loop import Engine
from astro.engine.tasks import Task
from astro.interfaces import Backend
from astro.plugins import models
from astro.plugins.binding import Binding, PromptConfig, VerifierBinding
from astro.plugins.registry import Registry
from astro.requests import Failure, Generate, LogProb, Reply
from astro.types import Problem
from astro.verification.pool import VerifierPool
from astro_hf.tokenizers import load_tokenizer
from astro_vllm import engine
from astro_vllm.params import PolicyParams
from astro_vllm.policy import VllmPolicy
from astro_vllm.sampling import sampling_params

ROUNDS = 3
PROBLEMS, AT_ONCE = 128, 64
CPU = {"OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1", "VLLM_CPU_CI_ENV": "1"}
EXAMPLES = """use 2 3 4 to make 14
3 * 4 = 12 left 2 12
2 + 12 = 14 left 14
answer 14
use 5 6 7 to make 37
5 * 6 = 30 left 7 30
30 + 7 = 37 left 37
answer 37
use 1 8 9 to make 16
8 + 9 = 17 left 1 17
17 - 1 = 16 left 16
answer 16"""
"""Three worked examples that precede every problem, as in few-shot prompts."""

POLICY = PolicyParams(
    model="tiny-countdown",
    prompt=PromptConfig(system=EXAMPLES),
    dtype="float32",
    enforce_eager=True,
    kv_cache_memory_bytes=2**30,
)


class Recorder:
    """A policy that records the requests that it forwards."""

    def __init__(self, policy: Backend) -> None:
        self._policy = policy
        self.requests: list[Generate] = []

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        if isinstance(request, Generate):
            self.requests.append(request)
        self._policy.add(ticket, request)

    def step(self, block: bool = False) -> Sequence[tuple[int, Reply | Failure]]:
        return self._policy.step(block)

    def close(self) -> None:
        self._policy.close()


@dataclass(frozen=True, slots=True)
class Searched:
    """The time of a search, its requests, and the counters of its policy."""

    seconds: float
    requests: Sequence[Generate]
    prompts: Sequence[tuple[int, ...]]
    counters: dict[str, float]


def search(problems: Sequence[Problem]) -> Searched:
    """Run MCTS with rollouts on `problems`, with verification and journal as in a run."""
    policy = VllmPolicy(POLICY)
    recorder = Recorder(policy)
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Journal(Path(folder) / "journal.db")) as journal,
        VerifierPool(VerifierBinding(name="countdown")) as pool,
    ):
        loop = Engine(
            {"policy": recorder, "verifier": pool}, seed=0, concurrency=AT_ONCE, journal=journal
        )
        began = time.perf_counter()
        failures = [outcome.failure for outcome in loop.run(tasks(problems)) if outcome.failure]
        seconds = time.perf_counter() - began
    assert not failures, failures[0]
    prompts = [policy.prompt_ids(request.prompt) for request in recorder.requests]
    counters = dict(policy.counters())
    policy.close()
    return Searched(seconds, recorder.requests, prompts, counters)


def tasks(problems: Sequence[Problem]) -> list[Task[Any]]:
    registry = Registry.discover()
    value = registry.build(
        "value", Binding(name="rollout", params={"rollouts": 2, "max_tokens": 32})
    )
    algorithm = registry.build(
        "search",
        Binding(name="mcts", params={"expand": 8, "iterations": 8, "step_tokens": 16}),
        value=value,
        step_format=registry.build("step_format", Binding(name="countdown")),
    )
    return [Task(p.id, partial(algorithm.search, p, seed)) for seed, p in enumerate(problems)]


def generate(searched: Searched) -> tuple[float, int]:
    """Seconds and generated tokens of `LLM.generate` for the same samples in one batch."""
    from vllm import LLM

    checkpoint = models.checkpoint(POLICY.model)
    llm = LLM(**engine.engine_args(POLICY, checkpoint))
    ends = sorted(PromptEncoder(load_tokenizer(checkpoint), POLICY.prompt).end_ids())
    room = llm.llm_engine.model_config.max_model_len
    prompts, params = [], []
    for request, ids in zip(searched.requests, searched.prompts, strict=True):
        for i in range(request.n):
            prompts.append({"prompt_token_ids": list(ids)})
            params.append(sampling_params(request, i, room - len(ids), ends))
    began = time.perf_counter()
    outputs = llm.generate(prompts, params, use_tqdm=False)
    seconds = time.perf_counter() - began
    llm.llm_engine.engine_core.shutdown()
    return seconds, sum(len(output.outputs[0].token_ids) for output in outputs)


def compare(problems: Sequence[Problem]) -> tuple[float, float]:
    """The ratio of generated tokens/s, and the share of prompt tokens that was computed."""
    searched = search(problems)
    seconds, tokens = generate(searched)
    counters = searched.counters
    assert tokens == counters["generated_tokens"], "the arms drew different samples"
    rates = counters["generated_tokens"] / searched.seconds, tokens / seconds
    computed = 1 - counters["cached_prompt_tokens"] / counters["prompt_tokens"]
    print(f"{tokens} tokens; tokens/s {rates[0]:.0f}, {rates[1]:.0f}; computed {computed:.3f}")
    return rates[0] / rates[1], computed


def main() -> None:
    for name, value in CPU.items():
        os.environ.setdefault(name, value)
    source = Registry.discover().build("problems", Binding(name="countdown"))
    problems = source.load("train")[:PROBLEMS]
    rounds = [compare(problems) for _ in range(ROUNDS)]
    speed = median(ratio for ratio, _ in rounds)
    reuse = median(computed for _, computed in rounds)
    publish(
        "engines-vllm",
        [
            Mark.of("vllm: tokens/s, search of 64 at once to LLM.generate", speed, ">= 0.85"),
            Mark.of("vllm: prompt tokens computed to requested, MCTS", reuse, "<= 0.35"),
        ],
    )


if __name__ == "__main__":
    main()
