"""Names of models that plugins ship, beside paths and hub names."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path

from astro.errors import PolicyError

MODELS_GROUP = "astro.models"
"""Entry points of this group map a name to a callable without arguments that returns a folder."""


def resolve(model: str) -> str:
    """The folder of a model that a plugin ships, or `model` as it is: a path or a hub name."""
    for point in entry_points(group=MODELS_GROUP, name=model):
        return str(point.load()())
    return model


def shipped() -> list[str]:
    """The names of all models that plugins ship."""
    return sorted(entry_points(group=MODELS_GROUP).names)


def checkpoint(model: str) -> str:
    """The folder of a model that a plugin ships or that is on disk, else the hub name as it is.

    Raises `PolicyError` if `model` is clearly a path and holds no checkpoint, or is nearly the name
    of a model that a plugin ships: asking the hub for it takes long and ends in a worse message.
    """
    name = resolve(model)
    path = Path(name).expanduser()
    if path.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        return str(_checked(path, model))
    if close := get_close_matches(name, shipped(), n=1, cutoff=0.8):
        raise PolicyError(f"there is no model {model!r}", f"did you mean {close[0]}?")
    return name


def _checked(path: Path, model: str) -> Path:
    if not (path / "config.json").is_file():
        what = "has no config.json" if path.is_dir() else "is not a folder"
        raise PolicyError(
            f"model {model!r}: {path} {what}", "give a Hugging Face checkpoint folder or hub name"
        )
    return path
