"""Checkpoints with the digests of their files, so that a damaged one is not resumed from."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from astro.errors import TrainingError
from astro_hf.folders import sync

_MANIFEST = "manifest.json"


def seal(checkpoint: Path, training: str = "") -> None:
    """Declare a checkpoint complete: record its files' digests, and write all to the disk.

    `training` identifies the training that it belongs to; see `fingerprint`.
    """
    digests = {path.name: _digest(path) for path in checkpoint.iterdir() if path.is_file()}
    partial = checkpoint / f"{_MANIFEST}.partial"
    manifest = {"training": training, "files": digests}
    partial.write_text(json.dumps({**manifest, "digest": _digest_of(manifest)}))
    sync(checkpoint)
    partial.replace(checkpoint / _MANIFEST)
    sync(checkpoint)


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
        files = {"training": manifest["training"], "files": manifest["files"]}
        # Earlier releases wrote no digest of the manifest itself.
        whole = len(manifest) == len(files) or manifest["digest"] == _digest_of(files)
        whole &= all(_digest(checkpoint / name) == d for name, d in files["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return files if whole else None


def _digest_of(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
