"""Config files as plain data: reading, overriding and writing YAML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from astro.config.migrate import current, current_path
from astro.config.run import RunConfig
from astro.errors import ConfigError
from astro.formats import FORMAT

_YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError)  # a date of month 13 is a ValueError


def read_config(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A config file as plain data in current keys, overrides applied.

    Each key that has another name now gives a `ConfigWarning`.

    Raises:
        ConfigError: The file is not a mapping in YAML, or an override is malformed.
        FormatError: A newer release wrote the file.
    """
    raw = current(read_yaml(Path(path)), str(path))
    for override in overrides:
        key, equals, value = override.partition("=")
        set_key(raw, current_path(key) + equals + value)
    return current(raw, str(path)) if overrides else raw  # they may set whole mappings


def dump_config(config: RunConfig) -> str:
    """The whole config as YAML, defaults included."""
    values = {"format": FORMAT, **config.model_dump(mode="json")}
    return yaml.safe_dump(values, sort_keys=False)


def read_yaml(path: Path) -> dict[str, Any]:
    """A file as it stands. Raises `ConfigError` if it is no mapping in YAML."""
    try:
        raw = _parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"cannot read: {error.strerror}"], str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError(["not a UTF-8 text file"], str(path)) from None
    except _YAML_ERRORS as error:
        raise ConfigError([f"not valid YAML: {' '.join(str(error).split())}"], str(path)) from None
    if not isinstance(raw, dict):
        what = "empty" if raw is None else f"a {type(raw).__name__}"
        raise ConfigError([f"expected a mapping of keys, got {what}"], str(path))
    return raw


class _Loader(yaml.SafeLoader):
    """YAML as it is commonly read, but a key that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode))
        for key, count in keys.items():
            if count > 1:
                line = node.start_mark.line + 1
                raise yaml.YAMLError(f"the mapping of line {line} gives {key!r} {count} times")
        return super().construct_mapping(node, deep)


def _parse_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def set_key(raw: dict[str, Any], override: str) -> None:
    """Apply an override `key.path=value` to plain data. Raises `ConfigError`."""
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise ConfigError([f"--set {override}: expected key.path=value"])
    try:
        value = _parse_yaml(text)
    except _YAML_ERRORS:
        raise ConfigError([f"--set {override}: the value is not valid YAML"]) from None
    *parents, last = key.split(".")
    node = raw
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise ConfigError([f"--set {override}: {parent} is not a mapping"])
    node[last] = value
