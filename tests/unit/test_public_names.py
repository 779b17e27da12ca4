"""The package as an editor and a type checker see it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

import astro

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "astro", *(path.parent for path in ROOT.glob("*/*/astro_*/__init__.py"))]


def test_public_names_are_listed_before_they_are_used() -> None:
    assert {"run", "solve", "load", "load_config", "__version__"} <= set(dir(astro))
    assert astro.__version__ == version("astro-reasoner")


@pytest.mark.parametrize("package", [p for p in PACKAGES if p.parts[-3] != "examples"], ids=str)
def test_packages_ship_their_types(package: Path) -> None:
    assert (package / "py.typed").exists()


def test_every_param_is_described() -> None:
    rows = [
        line
        for line in (ROOT / "docs/reference.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert len(rows) > 200
    assert [row for row in rows if row.endswith("|  |")] == []
