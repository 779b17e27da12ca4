"""`astro doctor`: this machine, what is installed on it, and what the plugins still need."""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import click

from astro.cli import options
from astro.plugins.listing import rows
from astro.plugins.registry import Registry

GIB = 2**30


@click.command()
@options.as_json
def doctor(as_json: bool) -> None:
    """Describe the machine, the distributions, what plugins still need, and the devices."""
    report = examine(Registry.discover())
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    from astro.cli.tables import fact_table, print_all, text  # rich, which JSON does without

    facts = {key: value for key, value in report.items() if not isinstance(value, dict)}
    print_all(fact_table(facts))
    for title in ("distributions", "devices", "unready"):
        print_all(text(f"\n{title}", "bold"), fact_table(report[title] or {"none": ""}))


def examine(registry: Registry) -> dict[str, Any]:
    """What there is, as JSON-safe data; sizes in GiB."""
    owners = {(row.distribution, row.version) for row in rows(registry)}
    unready = {f"{r.kind} {r.name}".strip(): r.state for r in rows(registry) if r.status != "ready"}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": _cores(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB, 1),
        "disk_free_gib": round(shutil.disk_usage(".").free / GIB, 1),
        "distributions": {"astro-reasoner": _version("astro-reasoner"), **dict(sorted(owners))},
        "devices": devices(),
        "unready": unready,
    }


def devices() -> dict[str, str]:
    """What torch can compute on. Imports torch, if it is there, by name: the core knows none."""
    if find_spec("torch") is None:
        return {"cpu": "torch is not installed (pip install torch)"}
    try:
        torch = importlib.import_module("torch")
        found = {"cpu": f"torch {torch.__version__}, {torch.get_num_threads()} threads"}
        for index in range(torch.cuda.device_count()):
            gpu = torch.cuda.get_device_properties(index)
            found[f"cuda:{index}"] = f"{gpu.name}, {gpu.total_memory / GIB:.0f} GiB"
    except Exception as error:  # a broken installation is what this command is there to tell
        return {"cpu": f"torch does not load: {type(error).__name__}: {error}"}
    return found


def _cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
