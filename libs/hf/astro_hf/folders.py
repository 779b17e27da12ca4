"""Folders that are written completely or not at all, and the files of a model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from astro.errors import TrainingError


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder, which becomes `path` when the block ends without an error.

    Raises:
        TrainingError: The folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        temporary.replace(path)
    except (OSError, RuntimeError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise TrainingError(
            f"cannot write {path}: {error}", "free some space and run it again"
        ) from error


def write_model(
    folder: Path, model: Any, tokenizer: Any, weights: Mapping[str, Any] | None = None
) -> None:
    """Write a model that `AutoModelForCausalLM` loads, and its tokenizer, into `folder`.

    `weights` are written instead of the model's own, if given.
    """
    model.save_pretrained(folder, state_dict=dict(weights) if weights is not None else None)
    tokenizer.save_pretrained(folder)
