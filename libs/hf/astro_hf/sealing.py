"""Checkpoints with the digests of their files, so that a damaged one is not resumed from."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from astro.errors import TrainingError

_MANIFEST = "manifest.json"


def seal(checkpoint: Path, training: str = "") -> None:
    """Declare a checkpoint complete: record its files' digests.

    `training` identifies the training that it belongs to; see `fingerprint`.
    """
    digests = {path.name: _digest(path) for path in checkpoint.iterdir() if path.is_file()}
    partial = checkpoint / f"{_MANIFEST}.partial"
    partial.write_text(json.dumps({"training": training, "files": digests}))
    partial.replace(checkpoint / _MANIFEST)


def last_sealed(
    folder: Path, pattern: str, training: str = "", *, unsealed: bool = False
) -> Path | None:
    """Return the newest undamaged checkpoint in `folder`, and remove damaged ones.

    Args:
        folder: The folder that holds the checkpoints' folders.
        pattern: Matches their names, which end in "-" and the number of the step.
        training: The training that they were sealed for.
        unsealed: Whether to accept one without digests, from a release that wrote none. Where
            checkpoints are sealed only after they are written, one without digests is incomplete.

    Raises:
        TrainingError: The newest one belongs to another training.
    """
    for checkpoint in sorted(folder.glob(pattern), key=_step, reverse=True):
        if unsealed and not (checkpoint / _MANIFEST).exists():
            return checkpoint
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


def fingerprint(data: Path, *settings: Any) -> str:
    """Return a digest of all that determines a training: a file, and `settings`, plain values."""
    return hashlib.sha256(repr((_digest(data), *settings)).encode()).hexdigest()


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
