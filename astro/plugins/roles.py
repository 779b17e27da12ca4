"""Params that name the role of a model: `policy`, or a key of a config's `models`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field


@dataclass(frozen=True, slots=True)
class AsksModel:
    """Marks a param, by `Annotated`, whose value is the role of a model of this kind of plugin."""

    kind: str = "policy"


Role = Annotated[
    str, AsksModel(), Field(description="role of the model to ask: policy, or a key of `models`")
]
"""The type of a param that names the role of a language model. Its default should be `"policy"`."""


@dataclass(frozen=True, slots=True)
class AskedRole:
    """A role that a param names: the param's dotted path, the role, and the kind of its model."""

    path: str
    role: str
    kind: str


def asked_roles(params: BaseModel, path: str = "") -> Iterator[AskedRole]:
    """Every role that these params or those nested in them name."""
    for name, field in type(params).model_fields.items():
        value = getattr(params, name)
        marks = [mark for mark in field.metadata if isinstance(mark, AsksModel)]
        if marks:
            yield AskedRole(f"{path}{name}", value, marks[0].kind)
        elif isinstance(value, BaseModel):
            yield from asked_roles(value, f"{path}{name}.")
