"""A look at a model after it is loaded, and at its files after they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from astro.errors import TrainingError
from astro_hf.checkpoints import load_model
from astro_hf.errors import CheckpointError, first_line
from astro_hf.tokenizers import load_tokenizer

_LENGTH = 4
_NOTICED = 0.01
"""The difference of two logits, in standard deviations of the logits, that is no rounding."""
_EXACT, _ROUNDED = 1e-3, 0.05
"""Differences of log-probabilities that are rounding, in float32 and in 16 bits."""
_TEXT = "Step 1: 3 + 4 = 7.\n\nBut wait, let us check.\n"


@torch.inference_mode()
def check_model(model: PreTrainedModel, name: str, *, sampled: bool) -> None:
    """Check that a model predicts each token from those before it, by two short sequences.

    Args:
        model: The model.
        name: Its name, for messages.
        sampled: Whether tokens are going to be sampled from it, which needs its keys and values.

    Raises:
        CheckpointError: It does not, cannot compute at all, computes what is no number, or returns
            no keys and values.
    """
    size = model.config.get_text_config().vocab_size
    first = torch.arange(_LENGTH, device=model.device) % size
    last = torch.cat([first[:-1], (first[-1:] + 1) % size])
    try:
        output = model(input_ids=torch.stack([first, last]), use_cache=sampled)
        one, other = output.logits[:, :-1].float()
        cache = getattr(output, "past_key_values", None)
    except Exception as error:  # anything that a foreign model may raise
        raise CheckpointError(
            f"model {name!r} cannot compute ({first_line(error)})", "take another model or dtype"
        ) from error
    if one.isnan().any():
        raise CheckpointError(
            f"model {name!r} gives probabilities that are not numbers",
            "download it again, or set another dtype",
        )
    if (one - other).abs().max() > _NOTICED * one.std():
        raise CheckpointError(
            f"model {name!r} is not causal: its predictions depend on later tokens",
            "take a decoder; encoders such as BERT cannot write text token by token",
        )
    if sampled and not isinstance(cache, Cache):
        raise CheckpointError(
            f"model {name!r} returns no keys and values, from which sampling would go on",
            "take another model, or the vllm policy",
        )


def check_saved(folder: Path, model: PreTrainedModel, tokenizer: Any) -> None:
    """Check that a model's folder, loaded again, gives the log-probabilities and ids of the model.

    The weights that are loaded again take memory beside those of `model`, on the same device.

    Raises:
        TrainingError: It does not.
    """
    again = load_tokenizer(str(folder))
    ids: list[int] = tokenizer(_TEXT, add_special_tokens=False)["input_ids"]
    if again(_TEXT, add_special_tokens=False)["input_ids"] != ids:
        raise _differs(folder, "its tokenizer reads other tokens")
    trained = model.training
    torch.nn.Module.eval(model)
    attention = {"eager": "eager", "sdpa": "sdpa"}.get(model.config._attn_implementation, "auto")
    loaded = load_model(str(folder), device=model.device, dtype="auto", attention=attention)
    wanted, found = _logprobs(model, ids), _logprobs(loaded, ids)
    torch.nn.Module.train(model, trained)
    tolerance = _EXACT if model.dtype is torch.float32 else _ROUNDED
    if not torch.allclose(wanted, found, rtol=0, atol=tolerance, equal_nan=True):
        off = (wanted - found).abs().max().item()
        raise _differs(folder, f"its log-probabilities are off by {off:.2g}")


@torch.inference_mode()
def _logprobs(model: PreTrainedModel, ids: list[int]) -> Tensor:
    size = model.config.get_text_config().vocab_size
    known = torch.tensor([[i for i in ids if i < size] or [0]], device=model.device)
    logits: Tensor = model(input_ids=known, use_cache=False).logits
    return logits.float().log_softmax(-1)


def _differs(folder: Path, reason: str) -> TrainingError:
    return TrainingError(
        f"the trained model in {folder} is another one when it is loaded again: {reason}",
        "the training's checkpoints are kept; please report this model",
    )
