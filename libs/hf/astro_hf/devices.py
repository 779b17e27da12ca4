"""The device, the dtype and the number of threads of a computation."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil
import torch

from astro.errors import TrainingError
from astro_hf.errors import CheckpointError, first_line


def pick_device(device: str) -> torch.device:
    """Return the device of this name; `auto` is the GPU if there is one, else the CPU.

    Raises:
        CheckpointError: torch cannot use the device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise CheckpointError(
            f"device {device!r} cannot be used: {first_line(error)}", "try device: auto"
        ) from None


def check_cuda(device: torch.device, package: str, what: str, instead: str) -> None:
    """Check that the device is a CUDA GPU and that a package for it is installed.

    Raises:
        TrainingError: Not so. The message begins with `what`, and `instead` is its hint.
    """
    if device.type != "cuda":
        raise TrainingError(f"{what} needs a CUDA GPU", instead)
    if not find_spec(package):
        raise TrainingError(f"{what} needs pip install {package.replace('_', '-')}", instead)


def compute_dtype(
    dtype: Literal["auto", "float32", "bfloat16"], device: torch.device
) -> torch.dtype:
    """Return the dtype of a forward pass; `auto` is bfloat16 on a GPU and float32 elsewhere."""
    if dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return torch.bfloat16 if dtype == "bfloat16" else torch.float32


def set_threads(threads: int | None) -> None:
    """Let torch use this many CPU threads; None leaves torch's own number."""
    if threads is not None:
        torch.set_num_threads(threads)


def free_memory(device: torch.device) -> int:
    """Return the free memory of a device in bytes; on a CPU, within the limit of the container."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    available: int = psutil.virtual_memory().available
    try:
        limit, used = (
            int(Path("/sys/fs/cgroup", name).read_text())
            for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):  # there is no limit
        return available
    return max(0, min(available, limit - used))
