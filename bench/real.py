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
    requests = mixed_requests()
    params = PolicyParams(model=MODEL, device="cpu", max_batch=BATCH, threads=THREADS)
    name = models.checkpoint(MODEL)
    tokenizer = load_tokenizer(name)
    model = load_model(name, device=torch.device("cpu"), dtype="auto")
    encoder = PromptEncoder(tokenizer)
    ends = end_tokens(model, tokenizer) | encoder.end_ids()
    prompts = [encoder.encode(request.prompt) for request in requests]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        with closing(TransformersPolicy(params)) as policy:  # a fresh one, with an empty store
            began = time.process_time()
            replies = all_replies(policy, requests)
            tokens = sum(len(sample.token_ids) for (sample,) in replies)
            ours.append(tokens / (time.process_time() - began))
        began = time.process_time()
        tokens = sum(
            generated(model, prompts[i : i + BATCH], ends) for i in range(0, PROMPTS, BATCH)
        )
        theirs.append(tokens / (time.process_time() - began))
        print(f"tokens/s {ours[-1]:.1f} {theirs[-1]:.1f}", flush=True)
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    publish(
        "real-generate",
        [Mark.of("tokens per CPU second to those of model.generate", ratio, ">= 1.5")],
    )


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
    model: torch.nn.Module, prompts: Sequence[Sequence[int]], ends: frozenset[int]
) -> int:
    """The number of tokens that `model.generate` samples for a batch, up to their ends."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + [*prompt] for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    output = model.generate(  # type: ignore[operator]  # of transformers' models
        ids,
        attention_mask=mask,
        do_sample=True,
        top_k=0,
        max_new_tokens=TOKENS,
        eos_token_id=sorted(ends),
        pad_token_id=min(ends),
    )
    rows = output[:, width:].tolist()
    return sum(
        next((i + 1 for i, token in enumerate(row) if token in ends), len(row)) for row in rows
    )


PARTS: tuple[Callable[[], None], ...] = (generate,)

if __name__ == "__main__":
    run_parts(PARTS)
