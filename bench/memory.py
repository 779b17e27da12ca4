"""Compares the memory that `astro plan` foresees with what a process takes, on a CPU.

Models are random, and each is measured in a process of its own: the largest resident size. The
forecast sees the model's config.json alone. The last case was not looked at when the forecast was
made. SmolLM2 is left out where it is not in the cache (make demo-real puts it there).

python bench/memory.py [CASE ...]     (all by default)
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marks import Mark, publish

from astro.planning.memory import PeakMemory, Workload, together
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.models import on_disk, resolve
from astro.plugins.registry import Registry

MIB = 2**20
PROMPT = 4
SMALL = {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 12}
SMALL |= {"num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 16_000}
LARGE = {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 14}
LARGE |= {"num_attention_heads": 16, "num_key_value_heads": 8, "vocab_size": 16_000}
GPT2 = {"n_embd": 640, "n_layer": 12, "n_head": 10, "n_positions": 1024, "vocab_size": 20_000}


@dataclass(frozen=True)
class Case:
    """A model, the plugin whose memory is measured, and the tokens of its responses."""

    kind: str
    family: str
    shape: Mapping[str, int]
    tokens: int
    params: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)


SAMPLED = {"max_batch": 16, "prefix_cache_mb": 0, "kv_cache_mb": 1024}
CASES = {
    "sft-54M": Case("sft", "llama", SMALL, 300, {"batch_size": 4}),
    "sft-lora-198M": Case("sft", "llama", LARGE, 150, {"batch_size": 3, "lora": {}}),
    "sft-checkpointing-198M": Case(
        "sft", "qwen2", LARGE, 120, {"batch_size": 2, "gradient_checkpointing": True}
    ),
    "policy-54M": Case("policy", "llama", SMALL, 150, {**SAMPLED, "max_batch": 96}),
    "ppo-54M": Case(
        "rl",
        "llama",
        SMALL,
        100,
        {"prompts_per_step": 16, "micro_batch_tokens": 1024},
        SAMPLED,
    ),
    "sft-smollm2-135M": Case("sft", "smollm2-135m-instruct", {}, 200, {"batch_size": 2}),
    "sft-gpt2-72M, not looked at": Case("sft", "gpt2", GPT2, 250, {"batch_size": 5}),
}


def folder_of(case: Case, root: Path, weights: bool) -> str:
    """The folder of a random model, with its weights or with the config alone."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    if not case.shape:
        return str(on_disk(case.family))
    folder = root / ("whole" if weights else "config")
    config = AutoConfig.for_model(case.family, eos_token_id=1, pad_token_id=0, **case.shape)
    config.dtype = torch.float32
    config.save_pretrained(folder)
    if weights:
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        source = Path(resolve("random-llama"))
        for file in [*source.glob("*token*"), *source.glob("chat*")]:
            shutil.copy(file, folder)
    return str(folder)


def binding_of(case: Case, kind: str, model: str) -> Binding:
    """The plugin and its params."""
    name = {"sft": "transformers", "policy": "transformers", "rl": "ppo"}[kind]
    own: dict[str, Any] = {"device": "cpu", "threads": 1}
    own |= {"model": model} if kind == "policy" else {}
    own |= case.policy if kind != case.kind else case.params
    if kind == "rl":
        own |= {"steps": 2, "group_size": 1, "max_tokens": case.tokens, "filter_samples": 0}
        own |= {"max_silent_steps": 9}
    return Binding(name=name, params=own)


def foresee(case: Case, root: Path) -> PeakMemory:
    model = folder_of(case, root, weights=False)
    work = Workload(model, PROMPT, case.tokens)
    kinds = [case.kind, "policy"] if case.kind == "rl" else [case.kind]
    registry, found = Registry.discover(), []
    for kind in kinds:
        binding = binding_of(case, kind, model)
        params = registry.params(kind, binding.name, binding.params)
        found.append(registry.memory(kind, binding.name)(params, work))
    return together(found)


def measure(case: Case, root: Path) -> None:
    """Do what the case says."""
    from astro.builtin.lines import LinesFormat, LinesParams
    from astro.interfaces import RLJob, SFTJob
    from astro.requests import Generate
    from astro.testing.policies import all_replies
    from astro.types import Problem, Prompt

    model = str(root / "whole") if case.shape else str(on_disk(case.family))
    binding = binding_of(case, case.kind, model)
    registry = Registry.discover()
    params = registry.params(case.kind, binding.name, binding.params)
    match case.kind:
        case "sft":
            answer = {"role": "assistant", "content": "7" * case.tokens}
            row = {"id": "p", "messages": [{"role": "user", "content": "7"}, answer]}
            count = 2 * params.batch_size
            lines = [json.dumps({**row, "id": f"p{i}"}) for i in range(count)]
            (root / "traces.jsonl").write_text("\n".join(lines) + "\n")
            job = SFTJob(root / "traces.jsonl", model, root / "sft", 0)
            registry.build("sft", binding).train(job, lambda *_: None)
        case "policy":
            policy = registry.build("policy", binding)
            requests = [
                Generate(Prompt(str(i)), n=8, max_tokens=case.tokens, seed=i)
                for i in range(params.max_batch // 8)
            ]
            all_replies(policy, requests)
        case _:
            step_format = LinesFormat(LinesParams())
            trainer = registry.build("rl", binding, step_format=step_format)
            problems = [Problem(str(i), str(i), "1") for i in range(16)]
            policy_binding = binding_of(case, "policy", model)
            reward = VerifierBinding(name="exact", timeout=10.0)
            trainer.train(
                RLJob(problems, model, policy_binding, reward, root / "rl", 0), lambda *_: None
            )


def child(what: str, name: str, root: str) -> str:
    """The last line that a process of its own prints."""
    done = subprocess.run(
        [sys.executable, __file__, what, name, root], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.splitlines()[-1] if done.stdout else ""


def compared(name: str) -> Mark:
    with tempfile.TemporaryDirectory() as root:
        foreseen = json.loads(child("foresee", name, root))
        child("make", name, root)
        measured = float(child("measure", name, root))
    ratio = sum(foreseen.values()) / measured
    parts = ", ".join(f"{part} {size / MIB:.0f}" for part, size in foreseen.items())
    print(f"{name}: measured {measured / MIB:.0f} MiB, foreseen {parts}", flush=True)
    title = f"{name}: foreseen against measured ({measured / MIB:.0f} MiB), % off"
    return Mark.of(title, 100 * abs(ratio - 1), "<= 15")


def main() -> None:
    match sys.argv[1:]:
        case ["make", name, root]:
            folder_of(CASES[name], Path(root), weights=True)
        case ["foresee", name, root]:
            peak = foresee(CASES[name], Path(root))
            print(json.dumps({**peak.kept, **peak.passing}))
        case ["measure", name, root]:
            measure(CASES[name], Path(root))
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        case names:
            here = [n for n, case in CASES.items() if case.shape or on_disk(case.family)]
            publish("memory", [compared(name) for name in names or here])


if __name__ == "__main__":
    main()
