"""Tokenizers and folders of models. Code that comes with a checkpoint is never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from astro.plugins import models
from astro_hf.errors import CheckpointError, first_line


def load_tokenizer(model: str) -> Any:
    """Load the tokenizer of `model`, which is a folder or a hub name.

    Raises:
        CheckpointError: The tokenizer cannot be loaded.
    """
    try:
        return AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # anything that a foreign checkpoint makes the library raise
        raise unloadable("tokenizer", model, error) from error


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
