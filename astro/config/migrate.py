"""Keys of a config that were renamed or moved, and how a config that has them is read.

Every config goes through `migrate` before it is validated: config files, plain data given to
`parse_config`, and the config.yaml in the folder of a run. To rename or move a key, add a row to
`MOVED`:

    ("sft_tokens", "sft.tokens"),
    ("policy.params.prompt_style", "prompt.style"),

Both paths start at the top of a run's config. A row also applies to `arms.<name>` and `inference`
of a study and to overrides such as `--set sft_tokens=5`. Mappings on the way to the new key are
made where they are missing. Several old keys may become the same new one if their values are equal.
Each use gives one line with the new name. A row stays for one release, and a test in
`tests/unit/test_migrate.py` holds that no new name is another row's old one.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from astro.errors import ConfigError, ConfigWarning
from astro.formats import check_format

Renamed = tuple[str, str]
MOVED: Sequence[Renamed] = (
    ("policy.params.prompt_style", "prompt.style"),
    ("policy.params.system", "prompt.system"),
    ("sft.params.prompt_style", "prompt.style"),
    ("sft.params.system", "prompt.system"),
    ("sft_tokens", "sft.tokens"),
    ("sft_model", "sft.model"),
    ("sft_runs", "sft.runs"),
)
"""(old path, new path) of each key."""
_PART = re.compile(r"(arms\.[^.]+\.|inference\.)?(.*)", re.DOTALL)
_ABSENT = object()


def current(raw: Mapping[str, Any], where: str = "the config") -> dict[str, Any]:
    """What `migrate` makes of a config, with a `ConfigWarning` for each key that moved."""
    config, renamed = migrate(raw, where)
    _warn(renamed)
    return config


def current_path(path: str) -> str:
    """A dotted path, as overrides give it, in current keys, with a `ConfigWarning` if it moved."""
    path, renamed = migrate_path(path)
    _warn(renamed)
    return path


def _warn(renamed: Sequence[Renamed]) -> None:
    for old, new in renamed:
        line = f"{old} is now called {new}; the next release will not know the old name"
        warnings.warn(line, ConfigWarning, stacklevel=1)  # at one place, so that none comes twice


def migrate(
    raw: Mapping[str, Any], where: str = "the config"
) -> tuple[dict[str, Any], list[Renamed]]:
    """A config in its current keys and without its `format`; and each key that moved.

    `where` names the config in errors.

    Raises:
        ConfigError: A key is given by its old and its new name, with different values, or the first
            edition's policy and SFT trainer write prompts in different ways.
        FormatError: A newer release wrote the config.
    """
    config = deepcopy(dict(raw))
    if isinstance(config.get("format"), int):
        check_format(config.pop("format"), where)
    renamed = []
    for prefix, part in _parts(config):
        if differing := [*_differing_prompts(part, prefix)]:
            raise ConfigError(differing, where)
        for old, new in MOVED:
            value = _take(part, old.split("."))
            if value is not _ABSENT:
                renamed.append((prefix + old, prefix + new))
                if not _put(part, new.split("."), value):
                    problem = f"{prefix}{old}: {prefix}{new} is given too, with another value"
                    raise ConfigError([f"{problem}; keep the latter alone"], where)
    return config, renamed


def _differing_prompts(part: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """What the first edition set for the policy, or for the SFT trainer, and not for both."""
    if not all(isinstance(part.get(key), dict) for key in ("policy", "sft")):
        return
    for key, default, new in (("prompt_style", "auto", "style"), ("system", None, "system")):
        values = [_at(part, f"{place}.params.{key}", default) for place in ("policy", "sft")]
        if values[0] != values[1] and values not in (["auto", "chat"], ["chat", "auto"]):
            yield (
                f"{prefix}policy.params.{key} and {prefix}sft.params.{key} differ "
                f"({values[0]!r:.40} and {values[1]!r:.40}); set prompt.{new}, which both use"
            )


def migrate_path(path: str) -> tuple[str, list[Renamed]]:
    """A dotted path in current keys; and the key that moved, if one did."""
    match = _PART.fullmatch(path)
    assert match
    prefix, key = match[1] or "", match[2]
    for old, new in MOVED:
        if f"{key}.".startswith(f"{old}."):
            return prefix + new + key[len(old) :], [(prefix + old, prefix + new)]
    return path, []


def _parts(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The config of a run or what a study has of them, each with the prefix of its paths."""
    changes = {f"arms.{name}.": arm for name, arm in _items(config.get("arms"))}
    for prefix, part in {"": config, **changes, "inference.": config.get("inference")}.items():
        if isinstance(part, dict):
            yield prefix, part


def _items(value: object) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, dict) else ()


def _at(node: Any, path: str, default: Any) -> Any:
    """The value at a dotted path, or `default` where there is none."""
    for part in path.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return default if node is None else node


def _take(node: Any, path: Sequence[str]) -> Any:
    """Remove and return the value at `path`; `_ABSENT` if there is none."""
    *parents, last = path
    for parent in parents:
        node = node.get(parent) if isinstance(node, dict) else None
    return node.pop(last, _ABSENT) if isinstance(node, dict) else _ABSENT


def _put(node: dict[str, Any], path: Sequence[str], value: Any) -> bool:
    """Set the value at `path`. Returns whether no other value was there.

    A value is dropped if it has no effect: it is empty, or it belongs to a plugin that the config
    sets to null. A parent that is not a mapping is left as it is, and validation refuses it.
    """
    *parents, last = path
    for parent in parents:
        if parent not in node and value not in (None, [], {}):
            node[parent] = {}
        if not isinstance(node.get(parent), dict):
            return True
        node = node[parent]
    if value is not None and node.get(last) is None:
        node[last] = value
    return value is None or bool(node[last] == value)
