"""Tests for plugins of every kind: they are found by name, and describing them is cheap."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

import pytest

from astro.errors import ConfigError
from astro.plugins.binding import Binding
from astro.plugins.hookspecs import ENTRY_POINT_GROUP
from astro.plugins.registry import Entry, Registry
from astro.testing.budgets import budget_faults

_LIGHT = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
_PROBE = """
import importlib, json, sys
import astro.plugins.hookspecs, astro.plugins.params
before = set(sys.modules)
for module in sys.argv[1:]:
    importlib.import_module(module)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


class PluginConformance:
    """The base of the conformance kits. A subclass sets `name`, and `params` if it takes any."""

    kind: str
    name: str
    """The name in a config."""

    params: Mapping[str, Any] = {}
    """The params in a config."""

    def test_it_is_found_by_its_entry_point(self) -> None:
        entry = self._entry()
        assert not entry.missing, f"install {', '.join(entry.missing)} to run this"
        assert entry.provider.summary, "a provider needs a summary of one line"

    def test_describing_it_imports_nothing_heavy(self) -> None:
        modules = [*_hook_modules(self._entry()), *_module_of(self._entry().provider.params)]
        heavy = heavy_imports(modules)
        assert not heavy, f"importing {', '.join(modules)} imports {', '.join(sorted(heavy))}"

    def test_an_unknown_param_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="no_such_param: unknown key"):
            Registry.discover().params(self.kind, self.name, {**self.params, "no_such_param": 1})

    def test_costs_and_rehearsals_are_sound(self) -> None:
        found = budget_faults(self.kind, self._binding())
        assert not found, "; ".join(found)

    @classmethod
    def _entry(cls) -> Entry:
        return Registry.discover().find(cls.kind, cls.name)

    @classmethod
    def _binding(cls) -> Binding:
        return Binding(name=cls.name, params=dict(cls.params))

    @classmethod
    def _build(cls, **collaborators: Any) -> Any:
        return Registry.discover().build(cls.kind, cls._binding(), **collaborators)


def heavy_imports(modules: list[str]) -> set[str]:
    """Return the packages that a fresh interpreter imports for `modules`.

    The standard library, pydantic, the modules' own packages, and ASTRO with its libraries, whose
    names begin with `astro_`, are left out.
    """
    command = [sys.executable, "-P", "-c", _PROBE, *modules]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    packages = {name.partition(".")[0] for name in json.loads(run.stdout)}
    own = {module.partition(".")[0] for module in modules}
    heavy = packages - own - _LIGHT - {"astro"} - sys.stdlib_module_names
    return {package for package in heavy if not package.startswith("astro_")}


def _hook_modules(entry: Entry) -> Iterator[str]:
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.dist and point.dist.name == entry.distribution:
            yield point.module


def _module_of(target: str) -> list[str]:
    return [target.partition(":")[0]] if target else []
