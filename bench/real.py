"""Benchmarks on a pretrained model: ratios within one run, one table per part.

python bench/real.py [generate]     (all by default)
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from statistics import median

import torch
from marks import Mark, publish, run_parts

from astro.data.prompts import PromptEncoder
from astro.plugins import models
from astro.requests import Generate
from astro.testing.policies import all_replies
from astro.types import Prompt
from astro_hf.checkpoints import end_tokens, load_model
from astro_hf.devices import pick_device
from astro_hf.tokenizers import load_tokenizer
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy

MODEL = "smollm2-135m-instruct"
PROMPTS, BATCH, TOKENS, ROUNDS = 64, 16, 96, 3
THREADS = 1
"""One thread, so that processor time is the time on an idle machine."""


def generate() -> None:
    """Compare the policy with `model.generate`: prompts and samples of mixed lengths."""
    torch.set_num_threads(THREADS)
    params = PolicyParams(model=MODEL, device="cpu", max_batch=BATCH, threads=THREADS)
    ratio = compared(params, mixed_requests(), ROUNDS, time.process_time)
    publish(
        "real-generate",
        [Mark.of("tokens per CPU second to those of model.generate", ratio, ">= 1.5")],
    )


def compared(
    params: PolicyParams, requests: Sequence[Generate], rounds: int, clock: Callable[[], float]
) -> float:
    """Tokens per second of the policy to those of `model.generate` in batches of `max_batch`."""
    name = models.checkpoint(params.model)
    tokenizer = load_tokenizer(name)
    model = load_model(name, device=pick_device(params.device), dtype="auto")
    encoder = PromptEncoder(tokenizer)
    ends = end_tokens(model, tokenizer) | encoder.end_ids()
    asked = [(encoder.encode(request.prompt), request.max_tokens) for request in requests]
    batches = [asked[i : i + params.max_batch] for i in range(0, len(asked), params.max_batch)]
    ours, theirs = [], []
    for _ in range(rounds):
        with closing(TransformersPolicy(params)) as policy:  # a fresh one, with an empty store
            began = clock()
            replies = all_replies(policy, requests)
            tokens = sum(len(sample.token_ids) for (sample,) in replies)
            ours.append(tokens / (clock() - began))
        began = clock()
        tokens = sum(generated(model, batch, ends) for batch in batches)
        theirs.append(tokens / (clock() - began))
        print(f"tokens/s {ours[-1]:.1f} {theirs[-1]:.1f}", flush=True)
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def mixed_requests() -> list[Generate]:
    """Sums of 1 to 60 numbers, some to be answered in a word and some step by step."""
    rng = random.Random(0)
    ways = ("Answer with one number.", "Explain every step.")
    questions = [
        f"Add {', '.join(str(rng.randrange(100)) for _ in range(rng.randrange(1, 60)))}. {way}"
        for way in ways * (PROMPTS // 2)
    ]
    return [
        Generate(Prompt(question), max_tokens=TOKENS, temperature=1.0, seed=seed)
        for seed, question in enumerate(questions)
    ]


@torch.inference_mode()
def generated(
    model: torch.nn.Module, asked: Sequence[tuple[Sequence[int], int]], ends: frozenset[int]
) -> int:
    """The number of tokens that `model.generate` samples for a batch, up to their ends.

    `asked` are prompts and the number of tokens that is wanted at most.
    """
    width = max(len(prompt) for prompt, _ in asked)
    ids = torch.tensor([[0] * (width - len(prompt)) + [*prompt] for prompt, _ in asked])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p, _ in asked])
    device = next(model.parameters()).device
    output = model.generate(  # type: ignore[operator]  # of transformers' models
        ids.to(device),
        attention_mask=mask.to(device),
        do_sample=True,
        top_k=0,
        max_new_tokens=max(wanted for _, wanted in asked),
        eos_token_id=sorted(ends),
        pad_token_id=min(ends),
    )
    return sum(
        next(
            (i + 1 for i, token in enumerate(row[:wanted]) if token in ends), min(len(row), wanted)
        )
        for row, (_, wanted) in zip(output[:, width:].tolist(), asked, strict=True)
    )


PARTS: tuple[Callable[[], None], ...] = (generate,)

if __name__ == "__main__":
    run_parts(PARTS)
