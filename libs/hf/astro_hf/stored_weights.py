"""The dtype of the weights in a checkpoint's files, which its config need not name."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path

import torch
from safetensors import safe_open

from astro.plugins import models

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}


def majority_dtype(model: str) -> torch.dtype | None:
    """Return the dtype of most of the floating-point numbers that a checkpoint's files hold.

    None if there is no file to read, or if that dtype is one of quantized weights.
    """
    folder = models.on_disk(model)
    if folder is None or not folder.is_dir():
        return None
    count: Counter[torch.dtype | None] = Counter()
    for path in sorted(folder.glob("model*.safetensors")):
        count += _of_safetensors(path)
    if not count:
        for path in sorted(folder.glob("pytorch_model*.bin")):
            count += _of_pickle(path)
    return count.most_common(1)[0][0] if count else None


def _of_safetensors(path: Path) -> Counter[torch.dtype | None]:
    found: Counter[torch.dtype | None] = Counter()
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 - not a dictionary
            part = file.get_slice(name)
            kind: str = part.get_dtype()
            if kind in _DTYPES or kind.startswith("F"):
                found[_DTYPES.get(kind)] += prod(part.get_shape())
    return found


def _of_pickle(path: Path) -> Counter[torch.dtype | None]:
    found: Counter[torch.dtype | None] = Counter()
    weights = torch.load(path, map_location="meta", weights_only=True)
    for tensor in weights.values():
        if torch.is_tensor(tensor) and tensor.is_floating_point():
            found[tensor.dtype] += tensor.numel()
    return found
