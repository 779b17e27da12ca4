"""Forward passes, with one interface for all causal LMs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

TOKENS_PER_PASS = 16384
"""Padded tokens in one forward pass over whole prompts; bounds the memory of its activations."""


class Forward:
    """A function that maps tokens and a cache to logits."""

    def __init__(self, model: PreTrainedModel) -> None:
        accepted = inspect.signature(model.forward).parameters
        self._model = model
        self._takes_positions = "position_ids" in accepted
        self._takes_keep = "logits_to_keep" in accepted
        self.device = model.device
        self.passes = 0

    def __call__(
        self, ids: Tensor, mask: Tensor, positions: Tensor, past: Cache | None, keep: int = 1
    ) -> Tensor:
        """Return the logits of the last `keep` positions, `[B, keep, V]`.

        Args:
            ids: The new tokens, `[B, Q]`.
            mask: The attention mask of cached and new columns, `[B, T]`.
            positions: The positions of the new tokens, `[B, Q]`.
            past: The cache, to which the new tokens are appended; None for no cache.
            keep: The number of positions.
        """
        self.passes += 1
        options: dict[str, Any] = {}
        if self._takes_positions:
            options["position_ids"] = positions
        if self._takes_keep:
            options["logits_to_keep"] = keep
        output = self._model(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=past,
            use_cache=past is not None,
            **options,
        )
        logits: Tensor = output.logits[:, -keep:]
        return logits

    def prompts(
        self, contexts: Sequence[Sequence[int]], past: Cache | None, keep: int = 1
    ) -> Tensor:
        """Return the logits of the last `keep` positions of whole contexts, `[B, keep, V]`.

        The contexts are padded on the left.
        """
        width = max(map(len, contexts))
        ids = torch.zeros((len(contexts), width), dtype=torch.long)
        for row, context in enumerate(contexts):
            ids[row, width - len(context) :] = torch.tensor(context)
        mask = right_aligned(torch.tensor([len(context) for context in contexts]), width)
        positions = (mask.cumsum(-1) - 1).clamp_(min=0)
        device = self.device
        return self(ids.to(device), mask.to(device), positions.to(device), past, keep)


def right_aligned(lengths: Tensor, width: int) -> Tensor:
    """Return an attention mask `[B, width]` with 1 in the last `lengths` `[B]` columns."""
    columns = torch.arange(width, device=lengths.device)
    return (columns >= (width - lengths)[:, None]).long()


def by_length(lengths: Sequence[int], tokens: int = TOKENS_PER_PASS) -> Iterator[list[int]]:
    """Yield groups of indices of similar length, with at most `tokens` padded tokens per group.

    A sequence longer than `tokens` forms a group of its own.
    """
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (len(group) + 1) * lengths[index] > tokens:
            yield group
            group = []
        group.append(index)
    if group:
        yield group
