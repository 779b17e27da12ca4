"""Check a command line with OpenRLHF's own parser, in OpenRLHF's interpreter.

The source of this file is run there by `python -c`, with the module's name and the flags as
arguments, so it imports the standard library only. OpenRLHF's scripts import Ray, DeepSpeed and
vLLM before they parse, which takes long and needs GPUs. Stand-ins are imported instead, and the
script is stopped at the first call after it has parsed and checked its arguments. The script's own
error messages are kept.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
import types
from pathlib import Path
from typing import Any

STAND_INS = (
    "ray",
    "ray.util",
    "ray.util.placement_group",
    "openrlhf.datasets",
    "openrlhf.datasets.utils",
    "openrlhf.models",
    "openrlhf.models.utils",
    "openrlhf.trainer",
    "openrlhf.trainer.ray",
    "openrlhf.trainer.ray.launcher",
    "openrlhf.trainer.ray.ppo_actor",
    "openrlhf.trainer.ray.ppo_critic",
    "openrlhf.trainer.sft_trainer",
)


class Parsed(Exception):
    """Raised to stop a script once its arguments are parsed and checked."""


class StandIn(types.ModuleType):
    """A module that has every attribute that is imported from it."""

    def __init__(self, name: str, path: list[str]) -> None:
        super().__init__(name)
        self.__path__ = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: True


def stop(args: Any) -> None:
    """Stop the script. This replaces the first function that it calls with its arguments."""
    raise Parsed(args)


def main(module: str, flags: list[str]) -> None:
    """Parse `flags` as `python -m module` would.

    Raises:
        SystemExit: The flags are wrong, or OpenRLHF is not installed.
    """
    package = importlib.util.find_spec("openrlhf")
    if package is None or not package.submodule_search_locations:
        sys.exit("No module named 'openrlhf'")
    for name in STAND_INS:
        sys.modules[name] = StandIn(name, [])
    root = Path(package.submodule_search_locations[0])
    utils = sys.modules["openrlhf.utils"] = StandIn("openrlhf.utils", [str(root / "utils")])
    vars(utils)["get_strategy"] = stop
    sys.argv = [module, *flags]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Parsed:
        return
    except AssertionError as error:
        sys.exit(f"{module}: {error}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
