"""Forward passes, with one interface for all causal LMs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache

from astro_transformers.attention import has_windows, is_grouped
from astro_transformers.cache import Contents, contents

TOKENS_PER_PASS = 16384
"""Padded tokens in one forward pass over whole prompts; bounds the memory of its activations."""
_PASS = {"cpu": 64}
"""How many tokens take as long as the fixed part of a pass, by device. It was measured with models
of 0.6M and 135M parameters."""
_PASS_ELSEWHERE = 1024
"""The same for other devices: an estimate, which was not measured."""


class Forward:
    """A function that maps tokens and a cache to logits."""

    def __init__(self, model: PreTrainedModel) -> None:
        accepted = inspect.signature(model.forward).parameters
        self._model = model
        self._takes_positions = "position_ids" in accepted
        self._takes_keep = "logits_to_keep" in accepted
        self._takes_whole_mask = _takes_whole_mask(model)
        self.device = model.device
        self.padding = _PASS.get(model.device.type, _PASS_ELSEWHERE)
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
        if self._takes_whole_mask and ids.shape[1] == 1:
            mask = mask.bool()[:, None, None, :]
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
        self,
        contexts: Sequence[Sequence[int]],
        past: Cache | None,
        keep: int = 1,
        new: int | None = None,
    ) -> Tensor:
        """Return the logits of the last `keep` positions of whole contexts, `[B, keep, V]`.

        The contexts are padded on the left. All but the last `new` columns are in `past` already;
        None: no column is.
        """
        width = max(map(len, contexts))
        new = new or width
        ids = torch.zeros((len(contexts), new), dtype=torch.long)
        for row, context in enumerate(contexts):
            fresh = context[-new:]
            ids[row, new - len(fresh) :] = torch.tensor(fresh)
        mask = right_aligned(torch.tensor([len(context) for context in contexts]), width)
        positions = (mask.cumsum(-1) - 1).clamp_(min=0)[:, -new:]
        device = self.device
        return self(ids.to(device), mask.to(device), positions.to(device), past, keep)

    @torch.inference_mode()
    def one_token(self) -> Contents:
        """Return the keys and values of one token, by which their shapes and sizes are known."""
        past = DynamicCache()
        self.prompts([[0]], past)
        self.passes -= 1
        return contents(past)


def _takes_whole_mask(model: PreTrainedModel) -> bool:
    """Whether a model takes `[B, 1, 1, T]` for the mask of one new token, and makes none itself.

    Known of models with rotary positions all of whose layers attend to all tokens.
    """
    config = model.config.get_text_config()
    return (
        is_grouped(model)
        and bool(getattr(config, "rope_parameters", None))
        and not getattr(config, "alibi", False)
        and not has_windows(model)
        and hasattr(sys.modules[type(model).__module__], "create_causal_mask")
    )


def right_aligned(lengths: Tensor, width: int) -> Tensor:
    """Return an attention mask `[B, width]` with 1 in the last `lengths` `[B]` columns."""
    columns = torch.arange(width, device=lengths.device)
    return (columns >= (width - lengths)[:, None]).long()


def by_length(
    lengths: Sequence[int],
    padding: int,
    tokens: int = TOKENS_PER_PASS,
    new: Sequence[int] | None = None,
) -> Iterator[list[int]]:
    """Yield groups of indices of similar length, with at most `tokens` padded tokens per group.

    A sequence longer than `tokens` forms a group of its own.

    Args:
        lengths: The length of each sequence.
        padding: How many tokens a group may compute for nothing, to spare another pass.
        tokens: The number of padded tokens.
        new: How many last tokens of each are to be computed, if not all. All sequences of a group
            compute as many as the one with the most.
    """
    new = lengths if new is None else new
    group: list[int] = []
    longest = needed = 0
    for index in sorted(range(len(lengths)), key=new.__getitem__):
        longest = max(longest, lengths[index])
        needed += new[index]
        size = len(group) + 1
        if group and (size * longest > tokens or size * new[index] - needed > padding):
            yield group
            group, longest, needed = [], lengths[index], new[index]
        group.append(index)
    if group:
        yield group
