"""Checkpoints that a killed training can trust."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from astro.errors import TrainingError

_MANIFEST = "manifest.json"


def seal(checkpoint: Path, training: str) -> None:
    """Declare a checkpoint complete: record its files' digests, and which training it is of."""
    digests = {path.name: _digest(path) for path in checkpoint.iterdir() if path.is_file()}
    partial = checkpoint / f"{_MANIFEST}.partial"
    partial.write_text(json.dumps({"training": training, "files": digests}))
    partial.replace(checkpoint / _MANIFEST)


def last_checkpoint(folder: Path, training: str) -> Path | None:
    """The newest whole checkpoint; broken and unfinished ones are removed.

    Raises `TrainingError` if it is of another training.
    """
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=_step, reverse=True):
        manifest = _read_manifest(checkpoint)
        if manifest is None:
            shutil.rmtree(checkpoint)
        elif manifest["training"] != training:
            raise TrainingError(
                f"{folder} holds checkpoints of a training with other data or params",
                "give another folder, or remove this one to start over",
            )
        else:
            return checkpoint
    return None


def fingerprint(traces: Path, *settings: Any) -> str:
    """A digest of everything that determines a training; `settings` are plain values."""
    return hashlib.sha256(repr((_digest(traces), *settings)).encode()).hexdigest()


def _read_manifest(checkpoint: Path) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads((checkpoint / _MANIFEST).read_text())
        files = manifest["files"]
        whole = all(_digest(checkpoint / name) == digest for name, digest in files.items())
    except (OSError, ValueError, KeyError):
        return None
    return manifest if whole else None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
