"""Changes of a few keys of a config, laid over it mapping by mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` merged into it, recursively in mappings.

    The params of a plugin are dropped if `changes` names another plugin in its place. Keys that
    belong to the run, such as `sft.tokens` and `verifier.workers`, are kept.
    """
    result = dict(base)
    for key, new in changes.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            result[key] = merged(_without_params(old) if _renames(old, new) else old, new)
        else:
            result[key] = new
    return result


def _renames(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return "name" in new and new["name"] != old.get("name")


def _without_params(plugin: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plugin.items() if key != "params"}
