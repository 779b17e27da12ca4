"""What an estimate assumes of a run: the size of its model, and how fast it is where it runs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from astro.config.run import RunConfig
from astro.planning.assumptions import Assumptions
from astro.plugins.models import on_disk
from astro.plugins.registry import Registry

CHARACTERS_PER_TOKEN = 3
FLOPS_PER_CORE = 17.5e9
"""Measured on the quickstart: on 2 cores, sampling and training alike reach 35 GFLOP/s."""
DEFAULT_BILLIONS, LEAST_BILLIONS = 70.0, 8.0
"""The size of the model that the default speeds are those of, and the smallest size in proportion
to which they grow: smaller models do not use the whole of a GPU."""

_NAMED = re.compile(r"(?<![A-Za-z\d.])(?:(\d+)x)?(\d+(?:\.\d+)?)([BbMm])(?![A-Za-z])")
_HEADER_LIMIT = 100_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that plans, on which a small model may run: whether it has a GPU, its cores."""

    gpu: bool
    cores: int


@dataclass(frozen=True, slots=True)
class Supposed:
    """Assumptions on one run, and for some of them, where they come from.

    `cores` are those of the CPU that it runs on; 0 if it runs on GPUs.
    """

    assumed: Assumptions
    sources: Mapping[str, str]
    cores: int = 0

    @property
    def hours(self) -> str:
        """What hours of the device are called."""
        return f"hours on {self.cores} CPU cores" if self.cores else "GPU-hours"


def suppose(
    config: RunConfig,
    registry: Registry,
    given: Mapping[str, float],
    machine: Machine,
    characters: float = 0.0,
) -> Supposed:
    """The assumptions on a run, of which `given` are the user's.

    `characters` are those of a prompt on average, or 0 if no problems were loaded.
    """
    size, whence = model_size(str(config.policy.params.get("model", "")))
    billions = given.get("parameters", size)
    found: dict[str, tuple[float, str]] = {"parameters": (billions, whence)}
    if characters:
        tokens = max(1.0, round(characters / CHARACTERS_PER_TOKEN))
        found["prompt_tokens"] = (tokens, f"one for every {CHARACTERS_PER_TOKEN} characters")
    params = registry.params("policy", config.policy.name, config.policy.params)
    device = getattr(params, "device", None)
    cpu = device == "cpu" or (device == "auto" and not machine.gpu)
    if cpu and billions:
        flops = FLOPS_PER_CORE * machine.cores
        why = f"{FLOPS_PER_CORE / 1e9:g} GFLOP/s on each of {machine.cores} cores"
        speed = _rounded(flops / (2e9 * billions))
        found["training_tflops"] = (flops / 1e12, why)
        found |= dict.fromkeys(_SPEEDS, (speed, why))
    elif billions:
        factor = DEFAULT_BILLIONS / max(billions, LEAST_BILLIONS)
        why = f"in proportion to a {DEFAULT_BILLIONS:g}B model's"
        for name in _SPEEDS:
            found[name] = (_rounded(Assumptions.model_fields[name].default * factor), why)
    new = {name: value for name, value in found.items() if name not in given}
    values = {**{name: value for name, (value, _) in new.items()}, **given}
    sources = {name: why for name, (_, why) in new.items() if why}
    return Supposed(Assumptions(**values), sources, machine.cores if cpu else 0)


_SPEEDS = ("tokens_per_second", "prompt_tokens_per_second")


def model_size(model: str) -> tuple[float, str]:
    """The billions of parameters of a model, by its files or its name, and which; 0 if unknown."""
    folder = on_disk(model) if model else None
    if folder and (parameters := sum(map(_parameters, folder.glob("*.safetensors")))):
        return parameters / 1e9, "counted in the model's files"
    if named := _NAMED.search(model):
        experts, number, unit = named.groups()
        return int(experts or 1) * float(number) / (1 if unit in "bB" else 1000), "by its name"
    return 0.0, ""


def _parameters(file: Path) -> int:
    """The number of weights in a safetensors file, from its header; 0 if it is malformed."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            tensors: dict[str, Any] = json.loads(stream.read(min(length, _HEADER_LIMIT)))
        return sum(prod(t["shape"]) for name, t in tensors.items() if name != "__metadata__")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return 0


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
