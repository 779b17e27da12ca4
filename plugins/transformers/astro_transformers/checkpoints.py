"""From a checkpoint to weights and tokenizer. Never runs code that came with it."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging

from astro import models
from astro.errors import PolicyError


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
    """How many positions the model was made for, if it says so."""
    config = model.config.get_text_config()
    return getattr(config, "max_position_embeddings", None)


def _unloadable(what: str, model: str, error: Exception) -> PolicyError:
    shipped = ", ".join(models.shipped())
    return PolicyError(
        f"cannot load the {what} of {model!r}: {_first_line(error)}",
        "expected a checkpoint folder, a hub name that can be reached"
        + (f", or one of {shipped}" if shipped else ""),
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
