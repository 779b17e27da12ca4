"""Imports between the packages of the plugin run one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "astro_sympy"
ROOMS = ("values", "reading", "comparing")
"""From the bottom up: a module imports from its own package and from those before it."""


def imported_rooms(path: Path) -> set[str]:
    """The packages of the plugin that a file imports from, those within functions included."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = {
        f"{n.module}.{a.name}" for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names
    }
    return {name.split(".")[1] for name in names if name.startswith("astro_sympy.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_package_imports_only_from_those_before_it(room: str) -> None:
    allowed = {*ROOMS[: ROOMS.index(room) + 1], "params"}
    paths = sorted((PACKAGE / room).glob("*.py"))
    assert len(paths) > 1
    assert {p.name: extra for p in paths if (extra := imported_rooms(p) - allowed)} == {}


def test_only_entry_points_and_params_stand_outside_the_packages() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == {
        "__init__",
        "math_verify",
        "params",
        "verifier",
    }
