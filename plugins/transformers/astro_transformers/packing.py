"""Packed batches: sequences one after another in one row, none of which attends to another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, DataCollatorWithFlattening, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from astro.errors import TrainingError
from astro_transformers.attention import has_windows

_NAME = "astro_packed"
_TOLERANCE = 1e-4


@contextmanager
def packed(model: PreTrainedModel) -> Iterator[None]:
    """Let `model` read packed batches.

    One that uses torch's SDPA attends within each sequence, without a mask over the whole row. If
    that is not what the model computes, as with sliding windows, it keeps its own attention, and
    transformers makes a mask of the position ids.

    Raises:
        TrainingError: The model mixes sequences in either way.
    """
    own = model.config._attn_implementation
    AttentionInterface.register(_NAME, packed_attention)
    try:
        for name in [_NAME] * (own == "sdpa" and not has_windows(model)) + [own]:
            model.set_attn_implementation(name)
            if _keeps_apart(model):
                yield
                return
    finally:
        model.set_attn_implementation(own)
    raise TrainingError(
        "sft.params.packing: the model mixes the sequences of a packed batch",
        "set sft.params.packing: false",
    )


def packed_attention(  # noqa: PLR0917 - transformers' signature
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    cu_seq_lens_q: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute causal SDPA within each sequence of a row; without borders, over the whole row.

    Args:
        module: The attention layer.
        query: `[1, H, T, D]`.
        key: `[1, H / G, T, D]`.
        value: `[1, H / G, T, D]`.
        attention_mask: None, unless a model makes one of its own.
        cu_seq_lens_q: The borders of the sequences, from 0 to T.
        **kwargs: Passed to transformers' function.

    Returns:
        The output, `[1, T, H, D]`, and None for the attention weights.
    """
    if cu_seq_lens_q is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    lengths = cu_seq_lens_q.diff().tolist()
    sequences = zip(*(tensor.split(lengths, dim=2) for tensor in (query, key, value)), strict=True)
    outputs = [
        sdpa_attention_forward(module, q, k, v, attention_mask, **kwargs)[0]
        for q, k, v in sequences
    ]
    return torch.cat(outputs, dim=1), None


@torch.no_grad()
def _keeps_apart(model: PreTrainedModel) -> bool:
    """Whether two sequences in one row have the hidden states that they have alone."""
    rows = [list(range(5)), list(range(7, 0, -1))]
    flat = DataCollatorWithFlattening(return_flash_attn_kwargs=True)(
        [{"input_ids": row} for row in rows]
    )
    flat.pop("labels")
    together = model.base_model(**_on(model, flat), use_cache=False)[0][0]
    alone = [
        model.base_model(**_on(model, {"input_ids": torch.tensor([row])}), use_cache=False)[0][0]
        for row in rows
    ]
    expected = torch.cat(alone)
    bound = _TOLERANCE if expected.dtype is torch.float32 else 100 * _TOLERANCE
    return bool((together - expected).abs().max() <= bound * expected.abs().max())


def _on(model: PreTrainedModel, inputs: dict[str, Any]) -> dict[str, Any]:
    return {k: v.to(model.device) if isinstance(v, Tensor) else v for k, v in inputs.items()}
