"""What a config needs beside installed packages and that is missing on a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from astro.config.loading import UNUSED, all_bindings
from astro.config.run import RunConfig
from astro.errors import AstroError, ConfigError, PolicyError
from astro.plugins.models import checkpoint
from astro.plugins.params import ModelParams, Params
from astro.plugins.registry import Registry
from astro.rehearsal.machine import this_machine
from astro.rehearsal.rehearsable import Machine, RunsWhere


def require_ready(configs: Iterable[RunConfig], registry: Registry, source: str = "") -> None:
    """Check that nothing is missing on this machine.

    Raises:
        ConfigError: Something is. The error lists all of it, once each.
    """
    machine = this_machine()
    absent = [line for config in configs for line in missing(config, registry, machine)]
    if absent:
        raise ConfigError(list(dict.fromkeys(absent)), source)


def missing(config: RunConfig, registry: Registry, machine: Machine) -> Iterator[str]:
    """What is missing on `machine`, one line each: data files, models, programs, servers.

    A name on the Hugging Face hub is not looked up.
    """
    for key, kind, binding in all_bindings(config, registry):
        if binding.name == UNUSED:
            continue
        params = registry.params(kind, binding.name, binding.params)
        if isinstance(params, RunsWhere) and (why := params.missing_here(machine)):
            yield f"{key}: {why}"
        if isinstance(params, ModelParams) and not params.remote:
            yield from _no_model(f"{key}.params.model", params.model)
        if kind == "problems" and isinstance(params, Params):
            yield from _no_files(f"{key}.params", params)
    if config.sft and config.sft.model:
        yield from _no_model("sft.model", config.sft.model)


def unready(registry: Registry, machine: Machine) -> dict[str, str]:
    """What plugins miss on `machine` with default params, by kind and name; not servers."""
    machine, found = replace(machine, server=lambda _: True), dict[str, str]()
    for entry in registry.entries:
        provider = entry.provider
        with suppress(AstroError):  # some params have no default, and some plugins are broken
            params = None if entry.missing else registry.params(provider.kind, provider.name, {})
            if isinstance(params, RunsWhere) and (why := params.missing_here(machine)):
                found[f"{provider.kind} {provider.name}"] = why
    return found


def _no_model(key: str, model: str) -> Iterator[str]:
    try:
        checkpoint(model)
    except PolicyError as error:
        yield f"{key}: {error}"


def _no_files(key: str, params: Params) -> Iterator[str]:
    values: dict[str, Any] = dict(params)
    for name, value in values.items():
        if isinstance(value, Path) and not value.is_file():
            yield f"{key}.{name}: there is no file {value}"
