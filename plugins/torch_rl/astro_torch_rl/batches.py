"""Padded batches of training samples.

A sample is trained on as a whole or not at all here, so its loss mask takes no part in a batch.
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
    """Right-padded rows, and the window of their last T positions, which holds every response.

    `input_ids` `[B, S]`; `mask` `[B, T]` is true on response tokens, that is neither on what of a
    longer prompt reaches into the window nor on padding.
    """

    input_ids: Tensor
    mask: Tensor

    @property
    def targets(self) -> Tensor:
        """The tokens in the window, `[B, T]`."""
        return self.input_ids[:, -self.mask.shape[1] :]

    def scatter(self, rows: Sequence[Tensor]) -> Tensor:
        """One value a response token, row by row, put at its place in a zero `[B, T]`."""
        window = torch.zeros(self.mask.shape, dtype=torch.float32, device=self.mask.device)
        window[self.mask] = torch.cat(list(rows)).to(window)
        return window

    def gather(self, window: Tensor) -> list[Tensor]:
        """The inverse of `scatter`: each row's values at its response tokens."""
        lengths = self.mask.sum(dim=1).tolist()
        return list(torch.split(window[self.mask], lengths))


@dataclass(frozen=True, slots=True)
class Batcher:
    """Cuts sequences into padded batches on `device`, of at most `max_tokens` padded tokens."""

    device: torch.device
    max_tokens: int

    def batches(
        self, sequences: Sequence[TrainingSample]
    ) -> Iterator[tuple[list[int], TokenBatch]]:
        """Each batch with the indices of its rows."""
        for indices in micro_batches([s.length for s in sequences], self.max_tokens):
            yield indices, collate([sequences[i] for i in indices], self.device)

    @torch.no_grad()
    def each(
        self, sequences: Sequence[TrainingSample], score: Callable[[TokenBatch], Tensor]
    ) -> list[Tensor]:
        """What `score` gives as `[B, T]`, without gradient: one value a response token, by row."""
        found: dict[int, Tensor] = {}
        for indices, batch in self.batches(sequences):
            found.update(zip(indices, batch.gather(score(batch)), strict=True))
        return [found[i] for i in range(len(sequences))]


def collate(sequences: Sequence[TrainingSample], device: torch.device) -> TokenBatch:
    """Rows of `prompt_ids + response_ids`, padded with token 0.

    Padding stands to the right of everything that is read, so causal attention needs no mask.
    """
    rows = [torch.tensor(s.ids) for s in sequences]
    input_ids = pad_sequence(rows, batch_first=True)
    starts = torch.tensor([len(s.prompt_ids) for s in sequences])[:, None]
    ends = torch.tensor([s.length for s in sequences])[:, None]
    positions = torch.arange(int(starts.min()), input_ids.shape[1])
    mask = (positions >= starts) & (positions < ends)
    return TokenBatch(input_ids.to(device), mask.to(device))


def micro_batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices grouped by similar length, each group of at most `max_tokens` padded tokens.

    A sequence longer than `max_tokens` has a group of its own.
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
    """The indices of the sequences of each optimizer step, at most `minibatch` of them.

    The steps of a pass are as even as can be: a small remainder would move the weights as far
    as a whole minibatch does.
    """
    steps = math.ceil(size / (minibatch or max(size, 1)))
    found: list[list[int]] = []
    for _ in range(epochs):
        order = rng.sample(range(size), size)
        found += [order[i::steps] for i in range(steps)]
    return found
