"""Choose, for one plugin of a config, what runs in its place in a rehearsal, and make it small.

A plugin whose packages, GPU, server or program are not here is replaced by the provider that it
names as its `stand_in`, or by a `fallback` of its kind; a model that is not here is replaced by a
small one that is taught. What is here is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from astro.errors import ConfigError
from astro.plugins.binding import Binding
from astro.plugins.hookspecs import Provider
from astro.plugins.params import ModelParams, Params
from astro.plugins.registry import Registry
from astro.rehearsal.materials import Materials
from astro.rehearsal.rehearsable import (
    Machine,
    Rehearsable,
    RehearsalScale,
    RunsWhere,
    TeachesLessons,
)

Budgets = Mapping[str, tuple[Any, Any]]
"""Changed params by dotted path: (value in the config, value in the rehearsal)."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """The SFT trainer that teaches the lessons, and the name of the model that it starts from."""

    trainer: Binding
    model: str


@dataclass(frozen=True, slots=True)
class Part:
    """A plugin as it is rehearsed.

    `why` says why it is not the config's own, and is empty where it is. `teacher` is set if its
    model has to be taught first.
    """

    binding: Binding
    why: str = ""
    teacher: Teacher | None = None
    budgets: Budgets = field(default_factory=dict)


def rehearsed_part(
    registry: Registry, machine: Machine, materials: Materials, kind: str, binding: Binding
) -> Part:
    """The plugin that `binding` names, or what stands in for it, with small budgets.

    Raises:
        MissingEngineError: its packages are not installed, and no stand-in's are.
        ConfigError: it cannot run here, and nothing stands in for it.
    """
    engine, unfit = _engine(registry, machine, kind, binding)
    teacher, absent = None, ""
    if kind == "policy" and (absent := _absent_model(registry, machine, kind, engine)):
        teacher = find_teacher(registry, absent)
        engine = engine.with_params(model=str(materials.model))
        absent = f"there is no {absent} here"
    small, budgets = _small(registry, machine, kind, engine, taught=teacher is not None)
    return Part(small, "; ".join(filter(None, (unfit, absent))), teacher, budgets)


def fallbacks(registry: Registry, kind: str) -> list[Provider]:
    """The providers that can stand in for any other of their kind, in the order of their names."""
    providers = (entry.provider for entry in registry.entries)
    return [provider for provider in providers if provider.kind == kind and provider.fallback]


def find_teacher(registry: Registry, model: str) -> Teacher:
    """The trainer that can teach a model in place of `model`.

    Raises:
        MissingEngineError: its packages are not installed.
        ConfigError: no installed plugin has one.
    """
    for provider in fallbacks(registry, "sft"):
        params = registry.params("sft", provider.name, {})
        if isinstance(params, TeachesLessons):
            registry.require("sft", provider.name)
            plan = params.lesson_plan(model)
            return Teacher(Binding(name=provider.name, params=dict(plan.params)), plan.model)
    raise ConfigError([f"there is no {model} here, and no SFT trainer can teach another model"])


def _engine(
    registry: Registry, machine: Machine, kind: str, binding: Binding
) -> tuple[Binding, str]:
    """The plugin that runs here, and why it is not the config's own, if it is not."""
    if not (why := _unfit(registry, machine, kind, binding)):
        return binding, ""
    candidates = list(_candidates(registry, kind, binding.name))
    for name in candidates:
        if not registry.find(kind, name).missing:
            stand_in = _carried_over(registry, kind, binding, name)
            if not _unfit(registry, machine, kind, stand_in):
                return stand_in, why
    for name in (*candidates, binding.name):
        registry.require(kind, name)
    raise ConfigError([f"{kind} {binding.name}: {why}, and nothing stands in for it"])


def _candidates(registry: Registry, kind: str, name: str) -> Iterator[str]:
    """The names of what can replace a provider: its own stand-in first, then the fallbacks."""
    own = registry.find(kind, name).provider.stand_in
    if any((e.provider.kind, e.provider.name) == (kind, own) for e in registry.entries):
        yield own
    yield from (p.name for p in fallbacks(registry, kind) if p.name not in (name, own))


def _unfit(registry: Registry, machine: Machine, kind: str, binding: Binding) -> str:
    """Why a plugin cannot run on `machine`; empty if it can."""
    entry = registry.find(kind, binding.name)
    if entry.missing:
        return f"needs {', '.join(entry.missing)}: {entry.provider.install}"
    if entry.provider.needs_gpu and not machine.gpu:
        return "there is no GPU here"
    params = registry.params(kind, binding.name, binding.params)
    if isinstance(params, RunsWhere) and (missing := params.missing_here(machine)):
        return missing
    model = "" if kind == "policy" else _absent_model(registry, machine, kind, binding)
    return f"there is no {model} here" if model else ""


def _absent_model(registry: Registry, machine: Machine, kind: str, binding: Binding) -> str:
    """The name of the model that a plugin would load and that is not here; empty if it can."""
    params = registry.params(kind, binding.name, binding.params)
    loads = isinstance(params, ModelParams) and not params.remote
    return params.model if loads and not machine.model(params.model) else ""


def _carried_over(registry: Registry, kind: str, binding: Binding, stand_in: str) -> Binding:
    """The stand-in with the params that both have, or with its model alone if they do not fit."""
    model = registry.params_model(kind, stand_in)
    fields = model.model_fields if model else {}
    own = {"model": binding.params.get("model", binding.name)}
    bare = binding.model_copy(
        update={"name": stand_in, "params": own if model and issubclass(model, ModelParams) else {}}
    )
    shared = {name: value for name, value in binding.params.items() if name in fields}
    try:
        registry.params(kind, stand_in, {**bare.params, **shared})
    except ConfigError:
        return bare
    return bare.with_params(**shared)


def _small(
    registry: Registry, machine: Machine, kind: str, binding: Binding, *, taught: bool
) -> tuple[Binding, Budgets]:
    """The plugin with the params that it says for a rehearsal, and what has changed in them.

    Raises:
        ConfigError: the params that it says are not valid.
    """
    params: Params | None = registry.params(kind, binding.name, binding.params)
    if not isinstance(params, Rehearsable):
        return binding, {}
    scale = RehearsalScale(taught=taught, gpu=machine.gpu)
    small = binding.with_params(**params.rehearsed(scale))
    try:
        changed = registry.params(kind, binding.name, small.params)
    except ConfigError as error:
        raise ConfigError(
            [f"{kind} {binding.name} in a rehearsal: {p}" for p in error.problems]
        ) from error
    return small, dict(_changes(params.model_dump(), changed.model_dump()))


def _changes(
    before: Mapping[str, Any], now: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The dotted paths at which two nested mappings differ, with both values."""
    for name, value in now.items():
        old = before.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            yield from _changes(old, value, f"{path}{name}.")
        elif old != value:
            yield f"{path}{name}", (old, value)
