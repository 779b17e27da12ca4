"""`astro plugins new verifier`: what it writes, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from astro.errors import PluginError
from astro.plugins.hookspecs import KINDS
from astro.plugins.registry import Registry
from astro.plugins.scaffold import SUMMARIES, write_plugin

NOTHING = Registry([])


def astro(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "astro", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_writes_a_package_and_says_what_to_type(tmp_path: Path) -> None:
    result = astro("plugins", "new", "verifier", "unit_price", "--into", tmp_path / "new ones")
    folder = tmp_path / "new ones" / "astro-unit-price"
    wrote, following = result.stdout.splitlines()
    assert (result.returncode, wrote) == (0, f"wrote {folder}")
    assert following == f"next: cd '{folder}' && pip install -e '.[test]' && pytest"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "README.md",
        "astro_unit_price/__init__.py",
        "astro_unit_price/params.py",
        "astro_unit_price/verifier.py",
        "config.yaml",
        "problems.jsonl",
        "pyproject.toml",
        "tests/test_conformance.py",
    }
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "astro-unit-price"
    assert project["entry-points"]["astro"] == {"unit_price": "astro_unit_price"}
    assert "class UnitPriceVerifier:" in (folder / "astro_unit_price/verifier.py").read_text()


def test_nothing_is_left_to_fill_in_or_to_lint(tmp_path: Path) -> None:
    folder = write_plugin("verifier", "chemistry", tmp_path, NOTHING)
    for path in folder.rglob("*.*"):
        assert "$" not in path.read_text(), path
    ruff = [sys.executable, "-m", "ruff"]
    for command in (
        ["check", "--isolated", "--select=E,F,W,I", "--line-length=100"],
        ["format", "--isolated", "--check", "--line-length=100"],
    ):
        subprocess.run([*ruff, *command, "."], cwd=folder, check=True)


@pytest.mark.parametrize(
    "name",
    ["", "Chemistry", "chem-istry", "7up", "_x", "x_", "x__y", "é", "a" * 41, "../x", "a\nb"],
)
def test_an_unfit_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PluginError, match=r"cannot name a plugin; expected up to 40 lower-case"):
        write_plugin("verifier", name, tmp_path, NOTHING)
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_taken_is_refused(
    tmp_path: Path, distribution: Callable[[str, str], None]
) -> None:
    with pytest.raises(PluginError, match="'exact' is there already; in astro-reasoner"):
        write_plugin("verifier", "exact", tmp_path, Registry.discover())
    distribution("astro_taken", "")
    with pytest.raises(PluginError, match="a package astro_taken is installed already"):
        write_plugin("verifier", "taken", tmp_path, NOTHING)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "astro-chemistry" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    result = astro("plugins", "new", "verifier", "chemistry", "--into", tmp_path)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"error: {mine.parent} is there already; choose another name or --into"
    ]
    assert [path.name for path in mine.parent.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = astro("plugins", "new", "verifier", "chemistry", "--into", tmp_path / "file" / "x")
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert "cannot be written: Not a directory" in result.stderr


def test_listing_needs_no_subcommand() -> None:
    assert astro("plugins", "--json").stdout.startswith("[")


def test_every_kind_can_be_started() -> None:
    assert list(SUMMARIES) == list(KINDS)
    listed = astro("plugins", "new", "--help").stdout
    assert all(f"\n  {kind} " in listed for kind in KINDS)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin of each kind, with the metadata that pip would have written."""
    site = tmp_path_factory.mktemp("site")
    for kind in KINDS:
        folder = write_plugin(kind, f"my_{kind}", site, NOTHING)
        info = site / f"astro_my_{kind}-0.1.0.dist-info"
        info.mkdir()
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        name, points = project["name"], project["entry-points"]["astro"]
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
        lines = [f"{key} = {module}" for key, module in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[astro]", *lines, ""]))
    return site


def test_nothing_of_any_kind_is_left_to_fill_in_or_to_lint(started: Path) -> None:
    for path in started.rglob("*.*"):
        assert path.is_dir() or "$" not in path.read_text().replace('json$"', ""), path
    ruff = [sys.executable, "-m", "ruff"]
    for command in (
        ["check", "--isolated", "--select=E,F,W,I", "--line-length=100"],
        ["format", "--isolated", "--check", "--line-length=100"],
    ):
        for folder in started.glob("astro-my-*"):
            done = subprocess.run(
                [*ruff, *command, "."], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tests_of_every_kind_pass(started: Path) -> None:
    """All in one process, as if all thirteen were installed."""
    folders = sorted(started.glob("astro-my-*"))
    inherited = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(map(str, [started, *folders, inherited]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--import-mode=importlib", "--rootdir", str(started), *map(str, folders)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        cwd=started,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
