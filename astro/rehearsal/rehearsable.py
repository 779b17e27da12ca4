"""What a plugin can say about rehearsals: optional methods of its params.

A rehearsal runs every stage of a config on one machine in minutes. The core replaces engines and
models that are not on the machine; each plugin cuts its own budgets and names what it needs. See
also `stand_in`, `fallback` and `needs_gpu` of `astro.plugins.hookspecs.Provider`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class RehearsalScale:
    """How small a rehearsal is, for `Rehearsable.rehearsed`.

    `problems` are the problems of each split. `response_tokens` and `step_tokens` leave room for a
    model with one token per letter. `taught` says that the policy's model is replaced by a small
    random one, so settings that only fit the original checkpoint have to be reset. `gpu` says
    whether this machine has a GPU.
    """

    problems: int = 3
    response_tokens: int = 160
    step_tokens: int = 64
    taught: bool = False
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine has, for `RunsWhere.missing_here`.

    `gpu` is whether there is a GPU. `model` tells whether a model is on disk, `server` whether
    something listens at a URL, `program` whether a program is on the path, and `version` gives the
    version of an installed distribution, or an empty string.
    """

    gpu: bool
    model: Callable[[str], bool]
    server: Callable[[str], bool]
    program: Callable[[str], bool]
    version: Callable[[str], str]


@runtime_checkable
class Rehearsable(Protocol):
    """Params that know their budgets."""

    def rehearsed(self, scale: RehearsalScale) -> Mapping[str, Any]:
        """The params to change in a rehearsal, with their new values; the others stay.

        The changed params have to validate, and must not cost more than before, except that a
        limit on tokens may be raised to that of `scale`.
        """


@runtime_checkable
class RunsWhere(Protocol):
    """Params that know what their plugin needs beside installed packages."""

    def missing_here(self, machine: Machine) -> str:
        """Why the plugin cannot run on `machine`, in a few words; empty if it can."""


@dataclass(frozen=True, slots=True)
class LessonPlan:
    """How a model is taught: the name of a small `model`, and the SFT trainer's `params`."""

    model: str
    params: Mapping[str, Any]


@runtime_checkable
class TeachesLessons(Protocol):
    """Params of an SFT trainer that can teach a small model a few responses by heart.

    They are validated without values before `lesson_plan` is called, so none may be required.
    """

    def lesson_plan(self, model: str) -> LessonPlan:
        """The model that takes the place of `model`, of the same family if possible."""


def capped(params: BaseModel, **limits: float) -> dict[str, float]:
    """Those of `limits` that a param exceeds, by name. A param that is None exceeds none."""
    values = {name: getattr(params, name) for name in limits}
    return {
        name: limit
        for name, limit in limits.items()
        if values[name] is not None and values[name] > limit
    }
