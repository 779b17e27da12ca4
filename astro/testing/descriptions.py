"""Find the params of a plugin that have no description."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import get_args

from pydantic import BaseModel

from astro.plugins.registry import Entry


def undocumented(entry: Entry) -> list[str]:
    """The dotted paths of a provider's params that have no description."""
    module, _, model = entry.provider.params.partition(":")
    return list(_undescribed(getattr(import_module(module), model))) if module else []


def _undescribed(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        nested = [t for t in (field.annotation, *get_args(field.annotation)) if _is_model(t)]
        for inner in nested:
            yield from _undescribed(inner, f"{path}{name}.")
        if not nested and not field.description:
            yield f"{path}{name}"


def _is_model(candidate: object) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
