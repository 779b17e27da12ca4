"""The committed bundle is what its sources give."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

REPORT = Path(__file__).parents[1]
WEB = REPORT / "web"
STATIC = REPORT / "astro_report/static"

needs_node = pytest.mark.skipif(
    not shutil.which("node") or not (WEB / "node_modules").exists(),
    reason="no node, or no node_modules: run `make web`",
)


def node(*command: str) -> None:
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_node
def test_bundle_equals_its_build(tmp_path: Path) -> None:
    node("node", "build.mjs", str(tmp_path))
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert built == {path.name: path.read_bytes() for path in STATIC.iterdir()}, "run `make web`"


@needs_node
def test_pure_parts_of_the_page() -> None:
    node("node", "test.mjs")


@needs_node
def test_types_of_the_page() -> None:
    node("node_modules/.bin/tsc", "--noEmit")


def test_bundle_can_stand_in_a_page() -> None:
    script = (STATIC / "app.js").read_text(encoding="utf-8")
    style = (STATIC / "app.css").read_text(encoding="utf-8")
    assert "</script" not in script.lower() and "<!--" not in script and "</" not in style
    assert "http://" not in style and "@import" not in style and "url(fonts" not in style


def test_licenses_are_listed() -> None:
    text = (STATIC / "LICENSES.txt").read_text(encoding="utf-8")
    assert all(name in text for name in ("katex 0", "@observablehq/plot 0", "d3-hierarchy 3"))
    assert '"resolved"' not in (WEB / "package-lock.json").read_text(encoding="utf-8")
