"""Optimizer steps over minibatches, whose gradients are accumulated from micro-batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astro_torch_rl.batches import Batcher, TokenBatch
from astro_torch_rl.experience import Experience
from astro_torch_rl.losses import sequence_weights
from astro_torch_rl.metric_means import MetricMeans
from astro_torch_rl.optimizer import Optimizer
from astro_torch_rl.params import Aggregation


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """The part of a minibatch that one forward pass takes.

    Attributes:
        batch: Its tokens, `[B, S]`.
        experience: Its B rows.
        weights: The weight of each row's tokens in the minibatch's loss, `[B]`.
        fresh: Whether the policy has not been updated since the rows were sampled.
    """

    batch: TokenBatch
    experience: Sequence[Experience]
    weights: Tensor
    fresh: bool

    @property
    def tokens(self) -> int:
        """The number of response tokens."""
        return int(self.batch.mask.sum())

    def window(self, rows: Sequence[Tensor | None]) -> Tensor | None:
        """Return rows of one value per response token as `[B, T]`; None if there are none."""
        found = [row for row in rows if row is not None]
        return self.batch.scatter(found) if found else None

    def total(self, values: Tensor) -> float:
        """Return the sum of `values`, `[B, T]`, over response tokens."""
        return (values.detach() * self.batch.mask).sum().item()


def run_updates(
    experience: Sequence[Experience],
    minibatches: Sequence[Sequence[int]],
    loss: Callable[[MicroBatch], Tensor],
    *,
    optimizer: Optimizer,
    batcher: Batcher,
    aggregation: Aggregation,
    max_tokens: int,
    metrics: MetricMeans,
) -> None:
    """Take one optimizer step per minibatch.

    `loss` returns a micro-batch's share of the minibatch's loss. Adds to `metrics`: `loss`,
    `grad_norm`, and `skipped`, the share of steps that were skipped because they were not finite.
    """
    for number, indices in enumerate(minibatches):
        chosen = [experience[i] for i in indices]
        lengths = torch.tensor([len(e.sequence.response_ids) for e in chosen])
        weights = sequence_weights(lengths, aggregation, max_tokens).to(batcher.device)
        total = 0.0
        for rows, batch in batcher.batches([e.sequence for e in chosen]):
            share = loss(
                MicroBatch(batch, [chosen[i] for i in rows], weights[rows], fresh=number == 0)
            )
            torch.autograd.backward(share)
            total += share.item()
        norm = optimizer.apply(total)
        metrics.add("skipped", norm is None)
        if norm is not None:
            metrics.add("grad_norm", norm)
            metrics.add("loss", total)
