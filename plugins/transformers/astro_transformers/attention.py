"""Attention for decoding: grouped query heads share keys and values without copies of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_NAME = "astro_grouped"


def use_grouped_attention(model: PreTrainedModel) -> None:
    """Switch a model that uses torch's SDPA to `grouped_attention`. Others are not changed."""
    if model.config._attn_implementation != "sdpa" or not model._supports_attention_backend:
        return
    AttentionInterface.register(_NAME, grouped_attention)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    model.set_attn_implementation(_NAME)


def is_grouped(model: PreTrainedModel) -> bool:
    """Whether a model uses `grouped_attention`."""
    return bool(model.config._attn_implementation == _NAME)


def has_windows(model: PreTrainedModel) -> bool:
    """Whether some layers of a model do not attend to all earlier tokens."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    windows = (getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size"))
    return any(windows) or bool(kinds - {"full_attention"})


def grouped_attention(  # noqa: PLR0917 - transformers' signature
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute SDPA with the G query heads of a key-value head in place of G query positions.

    With more than one query position, or a mask that differs by head, this is transformers' own
    function. Grouped-query attention is described in arXiv 2305.13245.

    Args:
        module: The attention layer.
        query: `[B, H, 1, D]`.
        key: `[B, H / G, T, D]`.
        value: `[B, H / G, T, D]`.
        attention_mask: Broadcastable to `[B, 1, 1, T]`; boolean, or added to the scores.
        scaling: The factor of the scores; None for D ** -0.5.
        **kwargs: Passed to transformers' function.

    Returns:
        The output, `[B, 1, H, D]`, and None for the attention weights.
    """
    batch, heads, length, dim = query.shape
    per_head = attention_mask is not None and attention_mask.shape[1] > 1
    if length > 1 or per_head or heads == key.shape[1] or kwargs.get("position_bias") is not None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
    grouped = query.reshape(batch, key.shape[1], -1, dim)
    attend = _products if query.device.type == "cpu" else scaled_dot_product_attention
    output = attend(grouped, key, value, attn_mask=attention_mask, scale=scaling)
    return output.reshape(batch, 1, heads, -1), None


def _products(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, scale: float | None
) -> Tensor:
    """softmax(Q K^T * scale) V as two products, for few positions faster than torch's kernel."""
    scores = (query * (scale or query.shape[-1] ** -0.5)) @ key.transpose(-1, -2)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill_(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return scores.softmax(-1, dtype=torch.float32).to(query.dtype) @ value
