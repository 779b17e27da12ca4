"""Tokenizers and folders of models. Code that comes with a checkpoint is never run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer
from transformers.utils.hub import cached_file

from astro.plugins import models
from astro_hf.errors import CheckpointError, first_line


def load_tokenizer(model: str) -> Any:
    """Load the tokenizer of `model`, which is a folder or a hub name.

    Raises:
        CheckpointError: The tokenizer cannot be loaded.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        add_template(tokenizer, model)
    except Exception as error:  # anything that a foreign checkpoint makes the library raise
        raise unloadable("tokenizer", model, error) from error
    return tokenizer


def add_template(tokenizer: Any, model: str) -> None:
    """Give a tokenizer without a chat template that of `chat_template.json`, a processor's file.

    Raises:
        ValueError: The file holds no template.
    """
    if tokenizer.chat_template:
        return
    path = cached_file(
        model,
        "chat_template.json",
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if path is not None:
        found = json.loads(Path(path).read_text("utf-8"))
        template = found.get("chat_template") if isinstance(found, dict) else None
        if not isinstance(template, str):
            raise ValueError("chat_template.json holds no chat_template")
        tokenizer.chat_template = template


def absolute(model: str) -> str:
    """Return the absolute folder of a model, for processes that start elsewhere, or its hub name.

    Raises:
        PolicyError: `model` is clearly a path but holds no checkpoint.
    """
    name = models.checkpoint(model)
    return str(Path(name).resolve()) if Path(name).exists() else name


def unloadable(part: str, model: str, error: Exception) -> CheckpointError:
    """Return the error to raise where a part of a checkpoint, such as its model, fails to load."""
    shipped = ", ".join(models.shipped())
    return CheckpointError(
        f"cannot load the {part} of {model!r}: {first_line(error)}",
        "expected a checkpoint folder, a hub name that can be reached"
        + (f", or one of {shipped}" if shipped else ""),
    )
