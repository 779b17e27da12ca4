"""Models loaded from checkpoints, and their limits. Code that comes with one is never run."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging

from astro_hf.tokenizers import unloadable


def load_model(model: str, *, device: torch.device, dtype: str) -> PreTrainedModel:
    """Load the weights of `model`, a folder or a hub name, in evaluation mode.

    Raises:
        CheckpointError: The weights cannot be loaded.
    """
    logging.disable_progress_bar()
    try:
        loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            model, dtype=dtype, trust_remote_code=False
        )
    except Exception as error:  # anything that a foreign checkpoint makes the library raise
        raise unloadable("model", model, error) from error
    torch.nn.Module.to(loaded, device)  # the subclass's own is typed for other arguments
    torch.nn.Module.eval(loaded)
    return loaded


def stored_dtype(model: str) -> torch.dtype:
    """Return the dtype of a checkpoint's weights, in which a model trained from it is written."""
    dtype = AutoConfig.from_pretrained(model).dtype
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def end_tokens(model: PreTrainedModel, tokenizer: Any) -> frozenset[int]:
    """Return all tokens that end a response, by the generation config and by the tokenizer."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(i for i in (*ids, tokenizer.eos_token_id) if i is not None)


def context_limit(model: PreTrainedModel) -> int | None:
    """Return the number of positions that the model supports, if it says so.

    It is never above `rotary_limit`.
    """
    made_for = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    limits = [limit for limit in (made_for, rotary_limit(model)) if limit is not None]
    return min(limits, default=None)


def rotary_limit(model: PreTrainedModel) -> int | None:
    """Return the length up to which sequences of a batch do not change each other, if limited.

    Beyond it, the rotary factors of longrope (https://arxiv.org/abs/2402.13753) and of dynamic NTK
    depend on the longest sequence of the batch, and with them the logits of all others.
    """
    config = model.config.get_text_config()
    limits = [_unscaled_length(config, parameters) for parameters in _rope_parameters(config)]
    return min((limit for limit in limits if limit is not None), default=None)


def _rope_parameters(config: Any) -> list[dict[str, Any]]:
    """One dictionary for the model, or one per type of layer."""
    own = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    return [value for value in own.values() if isinstance(value, dict)] or [own]


def _unscaled_length(config: Any, parameters: dict[str, Any]) -> int | None:
    """The length at which transformers' `dynamic_rope_update` changes the factors, if it does."""
    kind = parameters.get("rope_type", parameters.get("type"))
    if kind == "longrope" and "original_max_position_embeddings" in parameters:
        original: int = parameters["original_max_position_embeddings"]
        return original
    if kind in {"longrope", "dynamic"}:
        return getattr(config, "max_position_embeddings", None)
    return None
