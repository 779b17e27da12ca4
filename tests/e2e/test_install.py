"""The core alone, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CONFIG = """
name: alone
problems: {name: jsonl, params: {train: problems.jsonl, test: problems.jsonl}}
policy: {name: scripted, params: {responses: {"6 x 7?": ["\\\\boxed{42}"]}}}
verifier: {name: exact}
search: {name: mcts}
linearizer: {name: backtrack}
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_core_alone_works_and_says_what_it_lacks(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "-c", ROOT / "constraints.txt", "-e", ROOT], check=True)

    def astro(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [venv / "bin" / "astro", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    listed = astro("plugins", "--json")
    names = {(row["kind"], row["name"]) for row in json.loads(listed.stdout)}
    assert ("verifier", "exact") in names
    assert ("policy", "scripted") in names
    assert astro("doctor").returncode == 0
    (tmp_path / "alone.yaml").write_text(CONFIG)
    checked = astro("config", "check", "alone.yaml")
    assert checked.returncode == 2
    assert "search.name: no search named 'mcts'" in checked.stderr
    assert "linearizer.name: no linearizer named 'backtrack'" in checked.stderr
    assert "Traceback" not in checked.stderr
