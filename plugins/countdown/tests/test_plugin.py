"""The plugin registers by entry point and builds by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro_countdown.model_path import path


@pytest.mark.parametrize(
    ("kind", "name", "method"),
    [
        ("problems", "countdown", "load"),
        ("verifier", "countdown", "verify"),
        ("step_format", "countdown", "is_terminal"),
        ("policy", "countdown_walker", "step"),
    ],
)
def test_builds_by_name(kind: str, name: str, method: str) -> None:
    built = Registry.discover().build(kind, Binding(name=name))
    assert callable(getattr(built, method))


def test_the_entry_point_imports_nothing_heavy() -> None:
    code = "import sys, astro_countdown; print('torch' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_model_lies_in_the_package() -> None:
    assert (path().parent.name, path().name) == ("astro_countdown", "model")
