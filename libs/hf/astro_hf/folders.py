"""Folders that are written completely or not at all, and the files of a model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from astro.errors import TrainingError

_REASON_CHARS = 300


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder, which becomes `path` when the block ends without an error.

    Raises:
        TrainingError: The folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with writing(path):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            yield temporary
            sync(temporary)
            temporary.replace(path)
            _sync_entry(path.parent)
    except TrainingError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Report what goes wrong while files are written into the folder `path`, as on a full disk.

    Raises:
        TrainingError: The folder cannot be written.
    """
    try:
        yield
    except (
        OSError,
        RuntimeError,
        SafetensorError,
    ) as error:  # the last two come from torch and safetensors
        reason = " ".join(str(error).split())[:_REASON_CHARS]
        raise TrainingError(
            f"cannot write {path}: {reason}", "free some space and run it again"
        ) from error


def sync(folder: Path) -> None:
    """Write a folder and its files through to the disk, so that they survive a loss of power."""
    for path in (*folder.rglob("*"), folder):
        _sync_entry(path)


def _sync_entry(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_model(
    folder: Path, model: Any, tokenizer: Any, weights: Mapping[str, Any] | None = None
) -> None:
    """Write a model that `AutoModelForCausalLM` loads, and its tokenizer, into `folder`.

    `weights` are written instead of the model's own, if given.
    """
    model.save_pretrained(folder, state_dict=dict(weights) if weights is not None else None)
    tokenizer.save_pretrained(folder)
