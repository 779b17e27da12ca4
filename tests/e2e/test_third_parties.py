"""A third party's day, in an environment of its own: a new verifier, and the one in `examples/`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = [ROOT, ROOT / "plugins" / "search", ROOT / "plugins" / "linearize"]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))

Run = Callable[..., str]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a tool of a fresh environment that holds the core, a search and a linearizer."""
    venv = tmp_path_factory.mktemp("third") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}

    def run(tool: str, *arguments: str | Path, cwd: Path) -> str:
        command = [venv / "bin" / tool, *arguments]
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    install(run, *CORE)
    return run


def install(run: Run, *folders: Path | str) -> None:
    parts = (part for folder in folders for part in ("-e", str(folder)))
    run("python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", *parts, cwd=ROOT)


def check(run: Run, folder: Path, name: str, tmp_path: Path) -> None:
    """Its own tests pass, it is listed, and a run with its config finds right and wrong answers."""
    install(run, f"{folder}[test]")
    tested = run("python", "-m", "pytest", "-q", "-c", os.devnull, folder / "tests", cwd=tmp_path)
    assert " passed" in tested
    listed = json.loads(run("astro", "plugins", "--json", cwd=tmp_path))
    (row,) = [row for row in listed if (row["kind"], row["name"]) == ("verifier", name)]
    assert row["status"] == "ready"
    run("astro", "config", "check", "config.yaml", cwd=folder)
    run("astro", "run", "config.yaml", "--runs", tmp_path / "runs", cwd=folder)
    trees = (tmp_path / "runs" / name / "trees.jsonl").read_text().splitlines()
    nodes = [node for tree in trees for node in json.loads(tree)["nodes"]]
    statuses = {node["verdict"]["status"] for node in nodes if node["verdict"]}
    assert {"correct", "incorrect"} <= statuses <= {"correct", "incorrect", "unparsed"}


def test_a_new_verifier_installs_passes_its_kit_and_runs(run: Run, tmp_path: Path) -> None:
    run("astro", "plugins", "new", "verifier", "capital_city", cwd=tmp_path)
    check(run, tmp_path / "astro-capital-city", "capital_city", tmp_path)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_installs_passes_its_tests_and_runs(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    check(run, folder, folder.name, tmp_path)
