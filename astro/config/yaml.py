"""Config files as plain data: reading, overriding and writing YAML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from astro.config.migrate import current, current_path
from astro.config.run import RunConfig
from astro.errors import ConfigError
from astro.formats import FORMAT

_YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError)  # a date of month 13 is a ValueError


ConfigSource = str | Path | Mapping[str, Any]
"""The path of a config file, or a config as plain data."""


def source_name(source: ConfigSource) -> str:
    """How messages name the source of a config."""
    return "the config" if isinstance(source, Mapping) else str(source)


def read_config(source: ConfigSource, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A config as plain data in current keys, overrides applied; plain data is copied.

    Each key that has another name now gives a `ConfigWarning`.

    Raises:
        ConfigError: The file is not a mapping in YAML, or an override is malformed.
        FormatError: A newer release wrote the file.
    """
    name = source_name(source)
    data = dict(deepcopy(source)) if isinstance(source, Mapping) else read_yaml(Path(source))
    raw = current(data, name)
    for override in overrides:
        _drop_params(raw, override)
    for override in overrides:
        key, equals, value = override.partition("=")
        set_key(raw, current_path(key) + equals + value)
    return current(raw, name) if overrides else raw  # they may set whole mappings


def dump_config(config: RunConfig) -> str:
    """The whole config as YAML, defaults included."""
    return dump_values({"format": FORMAT, **config.model_dump(mode="json")})


def dump_values(values: Mapping[str, Any]) -> str:
    """Plain data as YAML."""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def read_yaml(path: Path) -> dict[str, Any]:
    """A file as it stands. Raises `ConfigError` if it is no mapping in YAML."""
    try:
        raw = _parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"cannot read: {error.strerror}"], str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError(["not a UTF-8 text file"], str(path)) from None
    except _YAML_ERRORS as error:
        raise ConfigError([f"not valid YAML: {_reason(error)}"], str(path)) from None
    if not isinstance(raw, dict):
        what = "empty" if raw is None else f"a {type(raw).__name__}"
        raise ConfigError([f"expected a mapping of keys, got {what}"], str(path))
    return raw


def _reason(error: Exception) -> str:
    """The message of an error without the lines of the file, which may hold a secret."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{error.problem}, in line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())


_BOOL, _INT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int"


class _Loader(yaml.SafeLoader):
    """YAML with the booleans and integers of YAML 1.2; a key that is given twice is an error.

    YAML 1.1 reads `no` as false, `010` as 8 and `1:30` as 90. Here all three are text.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode))
        for key, count in keys.items():
            if count > 1:
                line = node.start_mark.line + 1
                raise yaml.YAMLError(f"the mapping of line {line} gives {key!r} {count} times")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_BOOL, _INT)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")
_Loader.add_implicit_resolver(
    _INT, re.compile("^(?:[-+]?(?:0|[1-9][0-9_]*)|0x[0-9a-fA-F]+)$"), "-+0123456789"
)


def _parse_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def _drop_params(raw: dict[str, Any], override: str) -> None:
    """Drop the params beside `name` if the override names another plugin, as an arm's changes do.

    This comes before all overrides are applied, so that params among them are kept in any order.
    """
    key, _, name = override.partition("=")
    *parents, last = current_path(key).split(".")
    node: Any = raw
    for parent in parents:
        node = node.get(parent) if isinstance(node, dict) else None
    if last == "name" and parents and isinstance(node, dict) and node.get("name") != name.strip():
        node.pop("params", None)


def set_key(raw: dict[str, Any], override: str) -> None:
    """Apply an override `key.path=value` to plain data. Raises `ConfigError`."""
    key, equals, text = override.partition("=")
    shown = f"{key}{equals and '=...'}"  # the value may hold a secret
    if not equals or not all(key.split(".")):
        raise ConfigError([f"--set {shown}: expected key.path=value"])
    try:
        value = _parse_yaml(text)
    except _YAML_ERRORS:
        raise ConfigError([f"--set {shown}: the value is not valid YAML"]) from None
    *parents, last = key.split(".")
    node = raw
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise ConfigError([f"--set {shown}: {parent} is not a mapping"])
    node[last] = value
