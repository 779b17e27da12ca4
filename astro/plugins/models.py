"""Find a model by its name: one that a plugin ships, a local folder, or one on the hub."""

from __future__ import annotations

import os
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path

from astro.errors import PolicyError

MODELS_GROUP = "astro.models"
"""Entry points of this group map a name to a function without arguments that returns a folder."""


def resolve(model: str) -> str:
    """The folder of a model that a plugin ships; any other name is returned unchanged."""
    for point in entry_points(group=MODELS_GROUP, name=model):
        return str(point.load()())
    return model


def shipped() -> list[str]:
    """The names of the models that installed plugins ship, in alphabetical order."""
    return sorted(entry_points(group=MODELS_GROUP).names)


def on_disk(model: str) -> Path | None:
    """The folder of a model that a plugin ships, that is local or in Hugging Face's cache.

    None if the model is not here, also if the packages are not installed with which it comes.
    """
    try:
        local = Path(resolve(model)).expanduser()
    except PolicyError:
        return None
    if (local / "config.json").is_file():
        return local
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = cache / f"models--{model.replace('/', '--')}" / "snapshots"
    return next((found.parent for found in snapshots.glob("*/config.json")), None)


def checkpoint(model: str) -> str:
    """The folder of a model that a plugin ships or that is on disk; else the hub name, unchanged.

    It may also be a GGUF file.

    Raises:
        PolicyError: `model` is a path without a checkpoint, or is almost the name of a model that a
            plugin ships. The hub would be slower to refuse it, and with a less helpful message.
    """
    name = resolve(model)
    path = Path(name).expanduser()
    if path.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        return str(_checked(path, model))
    if close := get_close_matches(name, shipped(), n=1, cutoff=0.8):
        raise PolicyError(f"there is no model {model!r}", f"did you mean {close[0]}?")
    return name


def _checked(path: Path, model: str) -> Path:
    if path.suffix == ".gguf" and path.is_file():
        return path
    if not (path / "config.json").is_file():
        what = "has no config.json" if path.is_dir() else "is not a folder"
        raise PolicyError(
            f"model {model!r}: {path} {what}", "give a Hugging Face checkpoint folder or hub name"
        )
    return path
