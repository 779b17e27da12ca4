"""From a config file to one validated `RunConfig`, or to every problem at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from astro.config.run import _KIND_OF_KEY, RunConfig
from astro.config.stages import evaluated_models, run_stages, unknown_models
from astro.config.yaml import read_config
from astro.errors import AstroError, ConfigError, PluginError
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.params import ModelParams, validate
from astro.plugins.registry import Registry


def load_config(
    path: str | Path, overrides: Sequence[str] = (), registry: Registry | None = None
) -> RunConfig:
    """Read and validate a config file; `overrides` are `key.path=value` with YAML values.

    Raises `ConfigError` with all problems: syntax, unknown keys and plugins, wrong types, packages
    that an engine needs and that are not installed.
    """
    return parse_config(read_config(path, overrides), registry or Registry.discover(), str(path))


def parse_config(raw: Mapping[str, Any], registry: Registry, source: str = "") -> RunConfig:
    """Validate a config given as plain data. Raises `ConfigError`."""
    try:
        config = validate(RunConfig, raw)
    except ConfigError as error:
        plugins = _plugin_problems(registry, _well_formed(raw))
        raise ConfigError([*error.problems, *plugins], source) from None
    problems = list(_plugin_problems(registry, config.bindings()))
    problems = problems or list(_chain_problems(registry, config))
    if problems:
        raise ConfigError(problems, source)
    return config


def _well_formed(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, Binding]]:
    """The bindings of a config that is not sound as a whole."""
    for key, kind in _KIND_OF_KEY.items():
        if isinstance(values := raw.get(key), Mapping):
            with suppress(ConfigError):
                model = VerifierBinding if kind == "verifier" else Binding
                yield key, kind, validate(model, values)


def _chain_problems(registry: Registry, config: RunConfig) -> Iterator[str]:
    """What only shows once each plugin's own params are sound."""
    try:
        stages = run_stages(config, registry)
    except ConfigError as error:
        yield from error.problems
    except AstroError as error:
        yield f"stages: {error}"
    else:
        yield from unknown_models(config, stages)
        measured = evaluated_models(config, stages)
        if config.rounds and ("rl" if config.rl else "sft") not in measured:
            yield "rounds: each has to train and evaluate a model, by rl or sft"
    policy = config.policy
    params = registry.params("policy", policy.name, policy.params)
    if (config.sft or config.rl) and not isinstance(params, ModelParams):
        yield f"policy.name: {policy.name} has no param model, so sft and rl cannot train it"
    elif (config.sft or config.rl) and params.remote:
        yield f"policy.name: {policy.name} cannot load a model, as it must after sft and rl"


def _plugin_problems(
    registry: Registry, bindings: Iterable[tuple[str, str, Binding]]
) -> Iterator[str]:
    for key, kind, binding in bindings:
        try:
            registry.require(kind, binding.name)
            registry.params(kind, binding.name, binding.params)
        except PluginError as error:
            yield f"{key}.name: {error}"
        except ConfigError as error:
            yield from (f"{key}.params.{problem}" for problem in error.problems)
