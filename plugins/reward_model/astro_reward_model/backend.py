"""The backend `reward_model`: scores of responses, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch

from astro.plugins import models
from astro.requests import Failure, Reply, Score
from astro_hf.devices import compute_dtype, pick_device, set_threads
from astro_hf.score_queue import Prefix, ScoreQueue
from astro_hf.tokenizers import load_tokenizer
from astro_reward_model.families import load_family
from astro_reward_model.params import RewardModelParams

Wanted = tuple[Prefix, list[int]]
"""An input, and the lengths of those of its beginnings whose scores are wanted."""


class RewardModel:
    """A `Backend` that answers `Score` requests with probabilities in (0, 1).

    A process model gives one score per step, an outcome model one per response.

    Raises:
        PolicyError: The model cannot be loaded, or its family is not known.
    """

    def __init__(self, params: RewardModelParams) -> None:
        set_threads(params.threads)
        name = models.checkpoint(params.model)
        self._device = pick_device(params.device)
        located = params.model_copy(update={"model": name})
        dtype = compute_dtype(params.dtype, self._device)
        self._family = load_family(located, load_tokenizer(name), self._device, dtype)
        self._batch_tokens = params.batch_tokens
        self._queue = ScoreQueue(
            self._family.encode,
            outcome=self._family.outcome,
            max_length=params.max_length or self._family.head.context_limit(),
        )

    def add(self, ticket: int, request: Score) -> None:
        """Queue a request. An invalid request is answered with a `Failure`."""
        self._queue.add(ticket, request)

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:  # noqa: ARG002
        """Score everything that is queued."""
        for batch in _batches(self._queue.unknown(), self._batch_tokens):
            self._compute(batch)
        return self._queue.replies()

    def close(self) -> None:
        """Free the model."""
        del self._family

    def counters(self) -> Mapping[str, float]:
        """Return `prompt_tokens`, and how many of them were not computed anew."""
        return self._queue.counters()

    @torch.inference_mode()
    def _compute(self, batch: Sequence[Wanted]) -> None:
        """Score inputs; those that begin a longer one are read off it."""
        width = max(len(prefix) for prefix, _ in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        reads: list[tuple[int, int]] = []
        for row, (prefix, lengths) in enumerate(batch):
            ids[row, : len(prefix)] = torch.tensor(prefix)
            mask[row, : len(prefix)] = 1
            reads += [(row, length - 1) for length in lengths]
        at = torch.tensor(reads, device=self._device)
        found = iter(self._family.head(ids.to(self._device), mask.to(self._device), at).tolist())
        for prefix, lengths in batch:
            self._queue.learn(prefix, {length: next(found) for length in lengths})


def _batches(inputs: Sequence[Wanted], tokens: int) -> Iterator[list[Wanted]]:
    """Divide inputs, sorted by length, so that a batch has at most `tokens` with its padding."""
    batch: list[Wanted] = []
    for wanted in inputs:
        if batch and (len(batch) + 1) * len(batch[0][0]) > tokens:
            yield batch
            batch = []
        batch.append(wanted)
    if batch:
        yield batch
