"""A third party's day: a new verifier, in an environment of its own, from nothing to a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = [ROOT, ROOT / "plugins" / "search", ROOT / "plugins" / "linearize"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_new_verifier_installs_passes_its_kit_and_runs(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}

    def run(tool: str, *arguments: str | Path, cwd: Path = tmp_path) -> str:
        command = [venv / "bin" / tool, *arguments]
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    install = ("-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt")
    run("python", *install, *(part for folder in CORE for part in ("-e", folder)))
    run("astro", "plugins", "new", "verifier", "capital_city")
    folder = tmp_path / "astro-capital-city"
    run("python", *install, "-e", f"{folder}[test]")

    assert " passed" in run("pytest", "-p", "no:cacheprovider", cwd=folder).splitlines()[-1]
    listed = json.loads(run("astro", "plugins", "--json"))
    (row,) = [row for row in listed if row["name"] == "capital_city"]
    assert (row["kind"], row["distribution"], row["status"]) == (
        "verifier",
        "astro-capital-city",
        "ready",
    )
    run("astro", "config", "check", "config.yaml", cwd=folder)
    run("astro", "run", "config.yaml", cwd=folder)
    trees = (folder / "runs" / "capital_city" / "trees.jsonl").read_text().splitlines()
    statuses = {
        node["verdict"]["status"]
        for tree in trees
        for node in json.loads(tree)["nodes"]
        if node["verdict"]
    }
    assert statuses == {"correct", "incorrect"}
