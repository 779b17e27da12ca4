"""Names of models that plugins ship, beside paths and hub names."""

from __future__ import annotations

from importlib.metadata import entry_points

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
