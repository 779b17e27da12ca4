"""The order of training samples, and the tensors of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

import torch
from torch import Tensor
from transformers import DataCollatorWithFlattening

from astro.data.samples import TrainingSample

IGNORED = -100
"""The label of a token that is not trained on."""

_MEGABATCH = 50


def plan_batches(
    samples: Sequence[TrainingSample],
    *,
    batch_size: int,
    epochs: float,
    tokens: int | None,
    seed: int,
) -> list[list[int]]:
    """Return the sample indices of each batch of the whole training, in order.

    The plan ends after `epochs` passes or, if `tokens` is given, with the sample that completes
    this number of loss tokens. Each pass shuffles the samples, sorts them by length within
    `_MEGABATCH` batches to save padding, and shuffles the batches. The batch of most padded tokens
    comes first, so that it is noticed at once if memory does not suffice.
    """
    passes = (_epoch(samples, batch_size, Random(f"{seed} {epoch}")) for epoch in count())
    if tokens is not None:
        return list(_until(passes, samples, tokens))
    plan: list[list[int]] = []
    size = -(-len(samples) // batch_size)
    while len(plan) < round(epochs * size):
        plan += next(passes)
    return plan[: max(1, round(epochs * size))]


def part(batch: Sequence[TrainingSample], index: int, parts: int) -> list[TrainingSample]:
    """Return one of `parts` parts of a batch, whose lengths are alike if the batch is sorted.

    Where there is no sample left for it, it is the shortest one without its loss tokens.
    """
    if taken := list(batch[index::parts]):
        return taken
    shortest = min(batch, key=lambda sample: sample.length)
    return [replace(shortest, loss_mask=(False,) * len(shortest.loss_mask))]


def collate(batches: Sequence[Sequence[TrainingSample]]) -> dict[str, Tensor]:
    """Return `input_ids` and `labels`, both `[B, T]`, padded on the right.

    There is no attention mask: under causal attention no token attends to padding on its right, and
    padding is not trained on. Without a mask, attention takes its faster path.
    """
    rows = [sample for batch in batches for sample in batch]
    ids = torch.zeros((len(rows), max(sample.length for sample in rows)), dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    for row, sample in enumerate(rows):
        ids[row, : sample.length] = torch.tensor(sample.ids)
        labels[row, : sample.length] = torch.tensor(_labels(sample))
    return {"input_ids": ids, "labels": labels}


def flatten(batches: Sequence[Sequence[TrainingSample]]) -> dict[str, Any]:
    """Return the samples one after another in one row without padding, `[1, T]`.

    `position_ids` start anew with each sample, and `cu_seq_lens_q` has the borders.
    """
    rows = [
        {"input_ids": list(sample.ids), "labels": _labels(sample)}
        for batch in batches
        for sample in batch
    ]
    flat: dict[str, Any] = DataCollatorWithFlattening(return_flash_attn_kwargs=True)(rows)
    return flat


def _labels(sample: TrainingSample) -> list[int]:
    trained = [False] * len(sample.prompt_ids) + list(sample.loss_mask)
    return [i if kept else IGNORED for i, kept in zip(sample.ids, trained, strict=True)]


def _epoch(samples: Sequence[TrainingSample], batch_size: int, rng: Random) -> list[list[int]]:
    order = list(range(len(samples)))
    rng.shuffle(order)
    batches = []
    for start in range(0, len(order), batch_size * _MEGABATCH):
        mega = order[start : start + batch_size * _MEGABATCH]
        mega.sort(key=lambda i: samples[i].length)
        batches += [mega[i : i + batch_size] for i in range(0, len(mega), batch_size)]
    rng.shuffle(batches)
    sizes = [len(batch) * samples[batch[-1]].length for batch in batches]
    longest = sizes.index(max(sizes))
    batches[0], batches[longest] = batches[longest], batches[0]
    return batches


def _until(
    passes: Iterator[list[list[int]]], samples: Sequence[TrainingSample], tokens: int
) -> Iterator[list[int]]:
    left = tokens
    for batches in passes:
        for batch in batches:
            taken = []
            for index in batch:
                if left > 0:
                    taken.append(index)
                    left -= samples[index].loss_tokens
            yield taken
            if left <= 0:
                return
