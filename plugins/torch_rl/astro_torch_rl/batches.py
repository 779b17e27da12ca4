"""Padded batches of training samples.

In RL, either all response tokens of a sample are trained on or none are, so a batch has no loss
masks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from astro.data.samples import TrainingSample


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Right-padded sequences, and a window of their last T positions with all response tokens.

    Attributes:
        input_ids: The token ids, `[B, S]`.
        mask: Whether each position of the window is a response token, `[B, T]`. It is false on
            padding and on the part of a longer prompt that lies within the window.
    """

    input_ids: Tensor
    mask: Tensor

    @property
    def targets(self) -> Tensor:
        """The token ids in the window, `[B, T]`."""
        return self.input_ids[:, -self.mask.shape[1] :]

    def scatter(self, rows: Sequence[Tensor]) -> Tensor:
        """Return `[B, T]` with one value per response token from `rows`, and 0 elsewhere."""
        window = torch.zeros(self.mask.shape, dtype=torch.float32, device=self.mask.device)
        window[self.mask] = torch.cat(list(rows)).to(window)
        return window

    def gather(self, window: Tensor) -> list[Tensor]:
        """Return each row's values at its response tokens. This is the inverse of `scatter`."""
        lengths = self.mask.sum(dim=1).tolist()
        return list(torch.split(window[self.mask], lengths))


@dataclass(frozen=True, slots=True)
class Batcher:
    """Splits samples into padded batches on `device` of at most `max_tokens` padded tokens."""

    device: torch.device
    max_tokens: int

    def batches(
        self, sequences: Sequence[TrainingSample]
    ) -> Iterator[tuple[list[int], TokenBatch]]:
        """Yield each batch with the indices of its samples in `sequences`."""
        for indices in micro_batches([s.length for s in sequences], self.max_tokens):
            yield indices, collate([sequences[i] for i in indices], self.device)

    @torch.no_grad()
    def each(
        self, sequences: Sequence[TrainingSample], score: Callable[[TokenBatch], Tensor]
    ) -> list[Tensor]:
        """Return one value per response token, `[T]` per sample in the order of `sequences`.

        `score` computes the values of a batch, `[B, T]`. It is called without gradients.
        """
        found: dict[int, Tensor] = {}
        for indices, batch in self.batches(sequences):
            found.update(zip(indices, batch.gather(score(batch)), strict=True))
        return [found[i] for i in range(len(sequences))]


def collate(sequences: Sequence[TrainingSample], device: torch.device) -> TokenBatch:
    """Return a batch of `prompt_ids + response_ids`, padded on the right with token 0.

    There is no attention mask: under causal attention no token attends to padding on its right.
    """
    rows = [torch.tensor(s.ids) for s in sequences]
    input_ids = pad_sequence(rows, batch_first=True)
    starts = torch.tensor([len(s.prompt_ids) for s in sequences])[:, None]
    ends = torch.tensor([s.length for s in sequences])[:, None]
    positions = torch.arange(int(starts.min()), input_ids.shape[1])
    mask = (positions >= starts) & (positions < ends)
    return TokenBatch(input_ids.to(device), mask.to(device))


def micro_batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Group the indices of sequences by length, with at most `max_tokens` padded tokens per group.

    A sequence longer than `max_tokens` forms a group of its own.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        longest = lengths[groups[-1][0]] if groups else 0
        if groups and longest * (len(groups[-1]) + 1) <= max_tokens:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def minibatches(size: int, minibatch: int | None, epochs: int, rng: Random) -> list[list[int]]:
    """Return the indices of the sequences of each optimizer step, at most `minibatch` per step.

    The steps of a pass differ in size by at most one sequence, because a small last minibatch
    would change the weights as much as a full one.
    """
    steps = math.ceil(size / (minibatch or max(size, 1)))
    found: list[list[int]] = []
    for _ in range(epochs):
        order = rng.sample(range(size), size)
        found += [order[i::steps] for i in range(steps)]
    return found
