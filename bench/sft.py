"""Benchmarks fine-tuning batches: packed, padded, and as transformers' trainer makes them.

Reads the lengths and the loss tokens of the traces of runs/quickstart, or of TRACES. The models are
random: the quickstart's, and one of the same layers with the vocabulary of SmolLM2 (49,152). Speeds
are per CPU second, since the machine may do other work, and medians of alternating rounds.

python bench/sft.py [TRACES]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import torch
from marks import Mark, publish
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from astro.data.prompts import PromptEncoder
from astro.data.samples import SampleBuilder, TrainingSample, read_samples
from astro.plugins.models import resolve
from astro_hf.tokenizers import load_tokenizer
from astro_transformers.packing import packed
from astro_transformers.token_loss import token_loss
from astro_transformers.traces import collate, flatten, plan_batches

TRACES = Path(__file__).parents[1] / "runs" / "quickstart" / "traces.jsonl"
MODEL = resolve("tiny-countdown")
BATCH, STEPS, ROUNDS = 8, 8, 3
Batches = Sequence[list[TrainingSample]]


def samples(traces: Path) -> list[TrainingSample]:
    return read_samples(traces, SampleBuilder(PromptEncoder(load_tokenizer(MODEL))))


def model(vocabulary: int | None) -> PreTrainedModel:
    config = AutoConfig.from_pretrained(MODEL)
    config.vocab_size = vocabulary or config.vocab_size
    torch.manual_seed(0)
    made: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    made.eval()
    return made


def run(
    net: PreTrainedModel, batches: Batches, form: Callable[[Batches], dict[str, Any]]
) -> tuple[list[float], float]:
    """The loss of each batch, and tokens (without padding) of all per CPU second."""
    losses, began = [], time.process_time()
    for batch in batches:
        net.zero_grad()
        loss = net(**form([batch]))["loss"]
        loss.backward()
        losses.append(loss.item())
    tokens = sum(sample.length for batch in batches for sample in batch)
    return losses, tokens / (time.process_time() - began)


def fill(batches: Batches) -> float:
    """The share of padded batches that is no padding: packing saves no more than the rest."""
    padded = sum(len(batch) * max(sample.length for sample in batch) for batch in batches)
    return sum(sample.length for batch in batches for sample in batch) / padded


def compared(name: str, vocabulary: int | None, found: Sequence[TrainingSample]) -> list[Mark]:
    """The marks of one model.

    A trainer's batches are padded, in random order, with the model's own loss. The planned ones,
    of similar length, are those that ASTRO trains on, packed or not.
    """
    net, mixed = model(vocabulary), Random(0).sample(list(found), BATCH * STEPS)
    plan = plan_batches(found, batch_size=BATCH, epochs=1, tokens=None, seed=0)
    planned = [[found[i] for i in batch] for batch in plan[:STEPS]]
    shuffled = [mixed[i : i + BATCH] for i in range(0, len(mixed), BATCH)]
    run(net, shuffled[:2], collate)
    speeds: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        _, plain = run(net, shuffled, collate)
        with ExitStack() as stack:
            stack.enter_context(token_loss(net))
            padded, similar = run(net, planned, collate)
            stack.enter_context(packed(net))
            together, speed = run(net, planned, flatten)
        gap = max(abs(a - b) for a, b in zip(padded, together, strict=True))
        measured = {"a trainer's": plain, "similar length": similar, "packed": speed}
        for kind, value in measured.items():
            speeds.setdefault(kind, []).append(value)
    medians = {kind: median(values) for kind, values in speeds.items()}
    print(f"{name}, tokens per CPU second:", *(f"{k} {v:.0f}" for k, v in medians.items()))
    print(
        f"no padding: {fill(shuffled):.0%} of a trainer's batches, {fill(planned):.0%} of similar"
    )
    ratios = {kind: medians["packed"] / medians[kind] for kind in ("a trainer's", "similar length")}
    return [
        Mark.of(f"{name}: packed and padded loss, largest difference", gap, "<= 0.00001"),
        Mark.of(
            f"{name}: packed against a trainer's padded batches in random order",
            ratios["a trainer's"],
            ">= 1.5",
        ),
        Mark.of(
            f"{name}: packed against padded batches of similar length, which are ASTRO's own",
            ratios["similar length"],
            ">= 1",
        ),
    ]


def main() -> None:
    found = samples(Path(sys.argv[1]) if len(sys.argv) > 1 else TRACES)
    marks = compared("quickstart", None, found) + compared("large vocabulary", 49_152, found)
    publish("sft", marks)


if __name__ == "__main__":
    main()
