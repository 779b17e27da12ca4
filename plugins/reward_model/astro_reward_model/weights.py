"""Single tensors of a checkpoint, which no class of transformers has a place for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from safetensors import safe_open
from torch import Tensor
from transformers.utils.hub import cached_file

_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"


def tensors(model: str, prefix: str) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint whose names begin with `prefix`.

    There are none if the checkpoint has no file in the safetensors format.
    """
    found: dict[str, Tensor] = {}
    for path in _files(model, prefix):
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
            found |= {name: file.get_tensor(name) for name in names}
    return found


def _files(model: str, prefix: str) -> Iterator[Path]:
    """The files that may hold such tensors."""
    index = _path(model, _INDEX)
    if index is None:
        whole = _path(model, _WHOLE)
        yield from [whole] if whole else []
        return
    shards: dict[str, str] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    for name in dict.fromkeys(file for key, file in shards.items() if key.startswith(prefix)):
        path = _path(model, name)
        yield from [path] if path else []


def _path(model: str, name: str) -> Path | None:
    found = cached_file(
        model,
        name,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return Path(found) if found else None
