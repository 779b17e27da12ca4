"""Training examples from a traces.jsonl, and the order in which they are trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor

from astro.data.prompts import PromptEncoder
from astro.errors import TrainingError

IGNORED = -100
"""The label of a token that bears no loss."""

_MEGABATCH = 50


@dataclass(frozen=True, slots=True)
class Example:
    """A trace as tokens; `labels` are the ids, or `IGNORED` where there is no loss."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """How many tokens bear loss."""
        return sum(label != IGNORED for label in self.labels)


def read_examples(traces: Path, encoder: PromptEncoder, eos: int) -> list[Example]:
    """One example a row. Raises `TrainingError` that names the line of a row it cannot read."""
    examples = []
    with traces.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                examples.append(make_example(json.loads(line), encoder, eos))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise TrainingError(
                    f"{traces}, line {number}: not a trace ({type(error).__name__}: {error})",
                    "expected rows with messages and segments",
                ) from None
    return examples


def make_example(row: dict[str, Any], encoder: PromptEncoder, eos: int) -> Example:
    """Loss on the segments that are to be trained, and on the end-of-sequence token.

    Each segment is tokenised by itself, as a policy samples it. A row without segments is trained
    on its whole response.
    """
    user, assistant = (message["content"] for message in row["messages"])
    segments = row.get("segments") or [{"text": assistant, "train": True}]
    ids = list(encoder.user(user))
    labels = [IGNORED] * len(ids)
    for segment in segments:
        tokens = encoder.text(segment["text"])
        ids += tokens
        labels += tokens if segment["train"] else [IGNORED] * len(tokens)
    return Example((*ids, eos), (*labels, eos))


def plan_batches(
    examples: Sequence[Example], *, batch_size: int, epochs: float, tokens: int | None, seed: int
) -> list[list[int]]:
    """The indices of every batch of the whole training, in order.

    The plan ends after `epochs` passes, or, if `tokens` is given, with the example by which that
    many tokens have borne loss. A pass shuffles, sorts by length within `_MEGABATCH` batches so
    that little is padded, and shuffles the batches again.
    """
    passes = (_epoch(examples, batch_size, Random(f"{seed} {epoch}")) for epoch in count())
    if tokens is not None:
        return list(_until(passes, examples, tokens))
    plan: list[list[int]] = []
    size = -(-len(examples) // batch_size)
    while len(plan) < round(epochs * size):
        plan += next(passes)
    return plan[: max(1, round(epochs * size))]


def collate(batches: Sequence[Sequence[Example]]) -> dict[str, Tensor]:
    """`input_ids` and `labels` `[B, T]`, padded on the right.

    There is no attention mask: under causal attention nothing looks at padding on its right, and
    padding bears no loss. Without a mask, attention takes its faster path.
    """
    rows = [example for batch in batches for example in batch]
    width = max(len(example.ids) for example in rows)
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED)
    for row, example in enumerate(rows):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        labels[row, : len(example.ids)] = torch.tensor(example.labels)
    return {"input_ids": ids, "labels": labels}


def _epoch(examples: Sequence[Example], batch_size: int, rng: Random) -> list[list[int]]:
    order = list(range(len(examples)))
    rng.shuffle(order)
    batches = []
    for start in range(0, len(order), batch_size * _MEGABATCH):
        mega = order[start : start + batch_size * _MEGABATCH]
        mega.sort(key=lambda i: len(examples[i].ids))
        batches += [mega[i : i + batch_size] for i in range(0, len(mega), batch_size)]
    rng.shuffle(batches)
    return batches


def _until(
    passes: Iterator[list[list[int]]], examples: Sequence[Example], tokens: int
) -> Iterator[list[int]]:
    left = tokens
    for batches in passes:
        for batch in batches:
            taken = []
            for index in batch:
                if left > 0:
                    taken.append(index)
                    left -= examples[index].tokens
            yield taken
            if left <= 0:
                return
