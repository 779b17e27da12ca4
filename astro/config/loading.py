"""From a config file to one validated `RunConfig`, or to every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from astro.config.migrate import current, migrate
from astro.config.run import _KIND_OF_KEY, RunConfig
from astro.config.stages import evaluated_models, run_stages, unknown_models
from astro.config.yaml import ConfigSource, read_config, read_yaml, source_name
from astro.errors import AstroError, ConfigError, PluginError
from astro.plugins.binding import (
    DEFAULT_PROMPT,
    Binding,
    FormatSFTBinding,
    SFTBinding,
    VerifierBinding,
)
from astro.plugins.params import (
    ChecksOthers,
    Chosen,
    ModelParams,
    Params,
    operational,
    validate,
)
from astro.plugins.registry import Registry
from astro.plugins.roles import asked_roles
from astro.plugins.secrets import left_out, secret_paths
from astro.requests import POLICY

UNUSED = "none"
"""The name of the plugin under a key that a command does not use and a config leaves out."""
_BINDINGS: Mapping[str, type[Binding]] = {
    "verifier": VerifierBinding,
    "reward": VerifierBinding,
    "sft": SFTBinding,
    "format_sft": FormatSFTBinding,
}
"""The keys whose bindings have further keys."""


def load_config(
    source: ConfigSource, overrides: Sequence[str] = (), registry: Registry | None = None
) -> RunConfig:
    """Read and validate a config, from a file or given as plain data.

    `overrides` are `key.path=value` with YAML values.

    Raises `ConfigError` with all problems: syntax, unknown keys and plugins, wrong types, packages
    that an engine needs and that are not installed.
    """
    raw = read_config(source, overrides)
    return parse_config(raw, registry or Registry.discover(), source_name(source))


def parse_config(
    raw: Mapping[str, Any], registry: Registry, source: str = "", unused: Collection[str] = ()
) -> RunConfig:
    """Validate a config given as plain data.

    The keys of plugins in `unused` may be missing, and what they name does not have to be
    installed. Each key that has another name now gives a `ConfigWarning`.

    Raises:
        ConfigError: The config is invalid.
        FormatError: A newer release wrote the config.
    """
    fields = RunConfig.model_fields
    absent = {key: {"name": UNUSED} for key in unused if fields[key].is_required()}
    raw = absent | current(raw, source or "the config")
    try:
        config = validate(RunConfig, raw)
    except ConfigError as error:
        used = (found for found in _well_formed(raw, registry) if found[0] not in unused)
        plugins = _plugin_problems(registry, used)
        raise ConfigError([*error.problems, *plugins], source) from None
    bindings = [found for found in all_bindings(config, registry) if found[0] not in unused]
    problems = list(_plugin_problems(registry, bindings))
    problems = problems or [
        *_chain_problems(registry, config),
        *_role_problems(registry, config, bindings),
        *pairing_problems(registry, bindings),
    ]
    if problems:
        raise ConfigError(problems, source)
    return config


def read_stored(path: Path) -> RunConfig:
    """The config of a run as it lies in the run's folder, whatever plugins are installed now.

    Raises:
        ConfigError: The file cannot be read or is invalid.
        FormatError: A newer release wrote the file.
    """
    config, _ = migrate(read_yaml(path), str(path))
    try:
        return validate(RunConfig, config)
    except ConfigError as error:
        raise ConfigError(error.problems, str(path)) from None


def all_bindings(config: RunConfig, registry: Registry) -> Iterator[tuple[str, str, Binding]]:
    """Yield (key in the config, plugin kind, binding) of every plugin, also of `models`."""
    yield from config.bindings()
    yield from _models(registry, config.models)


def operational_keys(config: RunConfig, registry: Registry) -> Iterator[str]:
    """Yield the keys of params that may change when a run is resumed.

    They are marked as `Operational` or `Secret`.
    """
    for key, kind, binding in all_bindings(config, registry):
        with suppress(AstroError):  # a plugin that cannot be used fails where it is used
            params = registry.params(kind, binding.name, binding.params)
            if isinstance(params, Params):
                paths = [*operational(params), *secret_paths(type(params), binding.params)]
                yield from (f"{key}.params.{path}" for path in paths)
    yield from (f"stages.{name}" for name in registry.automatic_stages())


def with_defaults(config: RunConfig, registry: Registry) -> RunConfig:
    """The config with every param of every plugin, defaults included, and without secrets.

    The params of a plugin that is not installed, or that no longer accepts them, stay as they are.
    The policy's `prompt` is left out, because it is that of the config.
    """

    def completed(kind: str, binding: Binding) -> Binding:
        params = registry.params(kind, binding.name, binding.params)
        values = binding.params if params is None else params.model_dump(mode="json")
        return binding.model_copy(update={"params": values})

    values = _with_bindings(config, registry, completed)
    if registry.takes_prompt(config.policy.name):
        values["policy"]["params"].pop("prompt", None)
    return without_secrets(validate(RunConfig, values), registry)


def without_secrets(config: RunConfig, registry: Registry) -> RunConfig:
    """The config as it may be written: without the secrets of its plugins."""
    return validate(RunConfig, _with_bindings(config, registry, registry.without_secrets))


def _with_bindings(
    config: RunConfig, registry: Registry, change: Callable[[str, Binding], Binding]
) -> dict[str, Any]:
    """The config as plain data, with `change(kind, binding)` in place of each binding's params."""
    values = config.model_dump(mode="json")
    for key, kind, binding in all_bindings(config, registry):
        node = values
        for part in key.split(".", 2 if key.startswith("evaluate.") else 1):
            node = node[part]
        with suppress(PluginError, ConfigError):
            node["params"] = change(kind, binding).params
    return values


def told_apart(config: RunConfig, registry: Registry) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that differ from their defaults, and all others, as plain data without secrets."""

    def changed(kind: str, binding: Binding) -> Binding:
        params = registry.params(kind, binding.name, binding.params)
        values = {} if params is None else params.model_dump(mode="json", exclude_defaults=True)
        return binding.model_copy(update={"params": values})

    complete = with_defaults(config, registry)
    own = validate(RunConfig, _with_bindings(complete, registry, changed))
    values = own.model_dump(mode="json", exclude_defaults=True)
    return values, _rest(complete.model_dump(mode="json"), values)


def _rest(values: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What is in `values` and not in `own`."""
    rest = {}
    for key, value in values.items():
        if key not in own:
            rest[key] = value
        elif isinstance(value, Mapping) and (inner := _rest(value, own[key])):
            rest[key] = inner
    return rest


def _well_formed(raw: Mapping[str, Any], registry: Registry) -> Iterator[tuple[str, str, Binding]]:
    """The valid bindings of a config that is not valid as a whole."""
    for key, kind in _KIND_OF_KEY.items():
        if isinstance(values := raw.get(key), Mapping):
            with suppress(ConfigError):
                model = _BINDINGS.get(key, Binding)
                yield key, kind, validate(model, values)
    models = raw.get("models")
    for role, values in models.items() if isinstance(models, Mapping) else ():
        with suppress(ConfigError, TypeError, ValueError):
            yield from _models(registry, {role: validate(Binding, values)})


def _models(
    registry: Registry, models: Mapping[str, Binding]
) -> Iterator[tuple[str, str, Binding]]:
    """(key in the config, plugin kind, binding) of each role's model."""
    for role, binding in models.items():
        yield f"models.{role}", registry.model_kind(binding.name), binding


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
    yield from _prompt_problems(registry, config)
    policy = config.policy
    params = registry.params("policy", policy.name, policy.params)
    trains = config.format_sft or config.sft or config.rl
    if trains and not isinstance(params, ModelParams):
        yield f"policy.name: {policy.name} has no param model, so sft and rl cannot train it"
    elif trains and params.remote:
        yield f"policy.name: {policy.name} cannot load a model, as it must after sft and rl"


def _prompt_problems(registry: Registry, config: RunConfig) -> Iterator[str]:
    """A prompt that the policy cannot write, or that is not in its one place."""
    policy = config.policy
    if not registry.takes_prompt(policy.name):
        if config.prompt != DEFAULT_PROMPT:
            yield f"prompt: policy {policy.name} writes no prompts"
    elif "prompt" in policy.params:
        yield "policy.params.prompt: set the config's key prompt, which all stages use"
    else:
        prompted = registry.with_prompt(policy, config.prompt)
        yield from _plugin_problems(registry, [("policy", "policy", prompted)])


def _role_problems(
    registry: Registry, config: RunConfig, bindings: Iterable[tuple[str, str, Binding]]
) -> Iterator[str]:
    """Params that name a role without a model, or with a model of another kind."""
    kinds = {role: registry.model_kind(b.name) for role, b in config.models.items()}
    kinds[POLICY] = "policy"
    for key, kind, binding in bindings:
        params = registry.params(kind, binding.name, binding.params)
        for asked in asked_roles(params) if isinstance(params, Params) else ():
            place = f"{key}.params.{asked.path}"
            if asked.role not in kinds:
                close = get_close_matches(asked.role, kinds, n=1)
                hint = f"did you mean {close[0]}?" if close else f"add models.{asked.role}"
                yield f"{place}: there is no model {asked.role!r}; {hint}"
            elif (model := kinds[asked.role]) != asked.kind:
                yield f"{place}: expected a {asked.kind}, but models.{asked.role} is a {model}"


def pairing_problems(
    registry: Registry, bindings: Iterable[tuple[str, str, Binding]]
) -> Iterator[str]:
    """Plugins that do not go together."""
    chosen = {
        key: Chosen(binding.name, registry.params(kind, binding.name, binding.params))
        for key, kind, binding in bindings
    }
    for key, (_, params) in chosen.items():
        if isinstance(params, ChecksOthers):
            yield from (f"{key}.{problem}" for problem in params.problems(chosen))


def _plugin_problems(
    registry: Registry, bindings: Iterable[tuple[str, str, Binding]]
) -> Iterator[str]:
    for key, kind, binding in bindings:
        try:
            registry.require(kind, binding.name)
            params = registry.params(kind, binding.name, binding.params)
            for path in left_out(type(params), binding.params) if params else ():
                yield (
                    f"{key}.params.{path}: this secret was left out when the config was written; "
                    "give it, or the name of its environment variable as ${NAME}"
                )
        except PluginError as error:
            yield f"{key}.name: {error}"
        except ConfigError as error:
            yield from (f"{key}.params.{problem}" for problem in error.problems)
