"""From a checkpoint to weights and tokenizer. Never runs code that came with it."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging

from astro.errors import PolicyError
from astro.plugins import models


def load_tokenizer(model: str) -> Any:
    """`model` is a folder or a hub name. Raises `PolicyError`."""
    try:
        return AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # whatever a foreign checkpoint makes the library raise
        raise _unloadable("tokenizer", model, error) from error


def load_model(model: str, *, device: torch.device, dtype: str) -> PreTrainedModel:
    """The weights, in evaluation mode. Raises `PolicyError`."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            model, dtype=dtype, trust_remote_code=False
        )
    except Exception as error:
        raise _unloadable("model", model, error) from error
    torch.nn.Module.to(loaded, device)  # the subclass's own is typed for other arguments
    torch.nn.Module.eval(loaded)
    return loaded


def pick_device(device: str) -> torch.device:
    """`auto` is the first GPU if there is one. Raises `PolicyError` for what torch cannot use."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        picked = torch.device(device)
        torch.empty(0, device=picked)
    except (RuntimeError, AssertionError) as error:
        raise PolicyError(
            f"device {device!r} cannot be used: {_first_line(error)}", "try device: auto"
        ) from None
    return picked


def end_tokens(model: PreTrainedModel, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a response, by the generation config and by the tokenizer."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(i for i in (*ids, tokenizer.eos_token_id) if i is not None)


def context_limit(model: PreTrainedModel) -> int | None:
    """How many positions the model was made for, if it says so; never above `rotary_limit`."""
    made_for = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    limits = [limit for limit in (made_for, rotary_limit(model)) if limit is not None]
    return min(limits, default=None)


def rotary_limit(model: PreTrainedModel) -> int | None:
    """Up to which length of its longest sequence a batch gets the same rotary factors, if any.

    Beyond it the factors of longrope (https://arxiv.org/abs/2402.13753) and of dynamic NTK follow
    the longest sequence, and with them the logits of all others.
    """
    config = model.config.get_text_config()
    limits = [_unscaled_length(config, parameters) for parameters in _rope_parameters(config)]
    return min((limit for limit in limits if limit is not None), default=None)


def _rope_parameters(config: Any) -> list[dict[str, Any]]:
    """One for the model, or one a type of layer."""
    own = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    return [value for value in own.values() if isinstance(value, dict)] or [own]


def _unscaled_length(config: Any, parameters: dict[str, Any]) -> int | None:
    """Where transformers' `dynamic_rope_update` changes the factors, if it does."""
    kind = parameters.get("rope_type", parameters.get("type"))
    if kind == "longrope" and "original_max_position_embeddings" in parameters:
        original: int = parameters["original_max_position_embeddings"]
        return original
    if kind in {"longrope", "dynamic"}:
        return getattr(config, "max_position_embeddings", None)
    return None


def _unloadable(what: str, model: str, error: Exception) -> PolicyError:
    shipped = ", ".join(models.shipped())
    return PolicyError(
        f"cannot load the {what} of {model!r}: {_first_line(error)}",
        "expected a checkpoint folder, a hub name that can be reached"
        + (f", or one of {shipped}" if shipped else ""),
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
