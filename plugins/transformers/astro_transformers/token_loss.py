"""The loss of fine-tuning, computed at loss tokens only and in pieces of bounded memory.

A model's own loss takes the logits of all tokens in float32, which for a large vocabulary is more
memory than all of its layers take.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from astro_transformers.traces import IGNORED

PIECE = 2**26
"""The most logits that are computed at once: 256 MiB in float32."""


@contextmanager
def token_loss(model: PreTrainedModel) -> Iterator[None]:
    """Let `model`, called with labels, return the mean cross entropy of its loss tokens alone.

    With `num_items_in_batch`, the sum is divided by this number. A model with a loss of its own
    beside it, such as that of routers, is left as it is.
    """
    if getattr(model.config, "output_router_logits", False):
        yield
        return
    plain, head = model.forward, plain_head(model)

    def forward(
        self: PreTrainedModel,
        input_ids: Tensor,
        labels: Tensor,
        num_items_in_batch: Tensor | int | None = None,
        **inputs: Any,
    ) -> dict[str, Tensor]:
        kept = labels[:, 1:] != IGNORED
        targets = labels[:, 1:][kept]
        inputs = {"input_ids": input_ids, "use_cache": False, **inputs}
        if head is None:
            logits = plain(**inputs).logits[:, :-1][kept]
            total = cross_entropy(logits.float(), targets, reduction="sum")
        else:
            total = summed(head, self.base_model(**inputs)[0][:, :-1][kept], targets)
        return {"loss": total / (num_items_in_batch or len(targets))}

    model.forward = MethodType(forward, model)
    try:
        yield
    finally:
        vars(model).pop("forward", None)


@torch.no_grad()
def plain_head(model: PreTrainedModel) -> nn.Linear | None:
    """Return the layer that alone makes logits of hidden states; None if more is done to them."""
    head = model.get_output_embeddings()
    if not isinstance(head, nn.Linear):
        return None
    ids = torch.arange(4, device=model.device)[None]
    hidden = model.base_model(input_ids=ids, use_cache=False)[0]
    same = torch.equal(head(hidden), model(input_ids=ids, use_cache=False).logits)
    return head if same else None


def summed(head: nn.Linear, hidden: Tensor, targets: Tensor, piece: int = PIECE) -> Tensor:
    """Return the sum of the cross entropies of `targets`, `[N]`, given `hidden`, `[N, D]`.

    At most `piece` logits exist at once; where that takes several pieces, each is computed again
    in the backward pass (arXiv 1604.06174).
    """
    rows = max(1, piece // head.out_features)
    if len(targets) <= rows:
        return _summed(head, hidden, targets)
    pieces = zip(hidden.split(rows), targets.split(rows), strict=True)
    totals = [checkpoint(_summed, head, part, t, use_reentrant=False) for part, t in pieces]
    return torch.stack(totals).sum()


def _summed(head: nn.Linear, hidden: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(head(hidden).float(), targets, reduction="sum")
