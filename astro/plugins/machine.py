"""This machine, what is installed on it, and what the plugins still need."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from astro.plugins.listing import rows
from astro.plugins.registry import Registry

GIB = 2**30


def examine(registry: Registry, core_commands: Collection[str]) -> dict[str, Any]:
    """The machine and the plugins on it, as JSON-safe data with sizes in GiB."""
    found = list(rows(registry, core_commands))
    owners = {(row.distribution, row.version) for row in found}
    unready = {
        f"{row.kind} {row.name}".strip(): row.state for row in found if row.status != "ready"
    }
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": cores(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB, 1),
        "disk_free_gib": round(shutil.disk_usage(".").free / GIB, 1),
        "distributions": {"astro-reasoner": _version("astro-reasoner"), **dict(sorted(owners))},
        "devices": devices(),
        "unready": unready,
    }


def devices() -> dict[str, str]:
    """The devices that torch can compute on.

    Imports torch by its name, and only if it is installed: the core imports no engine.
    """
    if find_spec("torch") is None:
        return {"cpu": "torch is not installed (pip install torch)"}
    try:
        torch = importlib.import_module("torch")
        found = {"cpu": f"torch {torch.__version__}, {torch.get_num_threads()} threads"}
        for index in range(torch.cuda.device_count()):
            gpu = torch.cuda.get_device_properties(index)
            found[f"cuda:{index}"] = f"{gpu.name}, {gpu.total_memory / GIB:.0f} GiB"
    except Exception as error:  # a broken installation is what the report is for
        return {"cpu": f"torch does not load: {type(error).__name__}: {error}"}
    return found


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
