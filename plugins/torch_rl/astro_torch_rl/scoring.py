"""Log-probabilities and entropies of a batch under a model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from astro_torch_rl.batches import TokenBatch
from astro_torch_rl.losses import entropy


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-probabilities of the tokens in a batch's window, and entropies, `[B, T]` in nats."""

    logprobs: Tensor
    entropy: Tensor


def score(
    model: PreTrainedModel,
    batch: TokenBatch,
    *,
    temperature: float,
    dtype: torch.dtype,
    entropy_grad: bool = False,
) -> Scores:
    """Run `model` with autocast to `dtype`, and score the window at `temperature`.

    Logits are computed for the window only. The entropy has a gradient only if `entropy_grad`.
    """
    device = batch.input_ids.device.type
    with torch.autocast(device, dtype, enabled=dtype is not torch.float32):
        output = model(
            input_ids=batch.input_ids, logits_to_keep=batch.mask.shape[1] + 1, use_cache=False
        )
    logits = output.logits[:, :-1].float() / temperature
    nll = cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
    with torch.set_grad_enabled(torch.is_grad_enabled() and entropy_grad):
        entropies = entropy(logits)
    return Scores(-nll.view(batch.mask.shape), entropies)
