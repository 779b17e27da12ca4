"""Optimiser steps over minibatches, each accumulated from micro-batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astro_torch_rl.batches import Batcher, TokenBatch
from astro_torch_rl.experience import Experience
from astro_torch_rl.losses import sequence_weights
from astro_torch_rl.optimiser import Optimiser
from astro_torch_rl.params import Aggregation
from astro_torch_rl.tally import Tally


@dataclass(frozen=True, slots=True)
class Piece:
    """A micro-batch of experience. `weights` `[B]` are its share of the minibatch's loss.

    `fresh`: no step has been taken since its sequences were sampled.
    """

    batch: TokenBatch
    experience: Sequence[Experience]
    weights: Tensor
    fresh: bool

    @property
    def tokens(self) -> int:
        return int(self.batch.mask.sum())

    def window(self, rows: Sequence[Tensor | None]) -> Tensor | None:
        """Rows of one value a response token, as `[B, T]`; None if they are not there."""
        found = [row for row in rows if row is not None]
        return self.batch.scatter(found) if found else None

    def total(self, values: Tensor) -> float:
        """The sum of `values` `[B, T]` over response tokens."""
        return (values.detach() * self.batch.mask).sum().item()


def descend(
    experience: Sequence[Experience],
    minibatches: Sequence[Sequence[int]],
    loss: Callable[[Piece], Tensor],
    *,
    optimiser: Optimiser,
    batcher: Batcher,
    aggregation: Aggregation,
    max_tokens: int,
    tally: Tally,
) -> None:
    """One optimiser step a minibatch. `loss` gives a piece's share; the tally gets `loss` and
    `grad_norm`, and in `skipped` the share of steps that were not taken."""
    for number, indices in enumerate(minibatches):
        chosen = [experience[i] for i in indices]
        lengths = torch.tensor([len(e.sequence.response_ids) for e in chosen])
        weights = sequence_weights(lengths, aggregation, max_tokens).to(batcher.device)
        total = 0.0
        for rows, batch in batcher.batches([e.sequence for e in chosen]):
            piece = Piece(batch, [chosen[i] for i in rows], weights[rows], fresh=number == 0)
            share = loss(piece)
            share.backward()  # type: ignore[no-untyped-call]
            total += share.item()
        norm = optimiser.apply(total)
        tally.add("skipped", norm is None)
        if norm is not None:
            tally.add("grad_norm", norm)
            tally.add("loss", total)
