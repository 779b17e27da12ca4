"""inspect_ai, in an environment of its own, comes to the scores that a run wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import astro
from astro.config.loading import parse_config
from astro.metrics import Z_95
from astro.plugins.registry import Registry

ROOT = Path(__file__).parents[2]
TASK = ROOT / "examples" / "inspect_task"
DATA = ROOT.parent / "shared" / "data" / "math500.jsonl"
INSTALLED = [ROOT, ROOT / "plugins" / "sympy"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

READ = """
import json, sys
from inspect_ai.log import read_eval_log
log = read_eval_log(sys.argv[1])
assert log.status == "success", log.error
scores = {s.name: {n: m.value for n, m in s.metrics.items()} for s in log.results.scores}
verdicts = [
    [s.id, s.epoch, s.scores["astro_verifier"].value, s.scores["math"].value] for s in log.samples
]
print(json.dumps({"scores": scores, "verdicts": verdicts}))
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a fresh environment with inspect_ai, or of the one that ASTRO_INSPECT names."""
    if given := os.environ.get("ASTRO_INSPECT"):
        return Path(given) / "bin"
    venv = tmp_path_factory.mktemp("inspect") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet"]
    editable = [part for folder in INSTALLED for part in ("-e", folder)]
    subprocess.run([*pip, "-r", TASK / "requirements.txt", *editable], check=True)
    return venv / "bin"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three samples each of 40 problems of MATH-500, of which some are right, in many forms."""
    if not DATA.exists():
        pytest.skip("no shared/data beside the repository")
    folder = tmp_path_factory.mktemp("run")
    rows = [json.loads(line) for line in DATA.open(encoding="utf-8")][::12][:40]
    (folder / "math500.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "train.jsonl").write_text('{"id": "t", "prompt": "1 + 1?", "answer": "2"}\n')
    replies = {row["problem"]: responses(rows, number) for number, row in enumerate(rows)}
    fields = {"prompt": "problem", "answer": "answer"}
    held = {"fields": fields, "test": str(folder / "math500.jsonl")}
    config = {
        "name": "checked",
        "problems": {"name": "jsonl", "params": {"train": str(folder / "train.jsonl")}},
        "policy": {"name": "scripted", "params": {"responses": replies}},
        "verifier": {"name": "sympy", "timeout": 10},
        "search": {"name": "mcts", "params": {"expand": 1, "iterations": 1}},
        "value": {"name": "rollout", "params": {"rollouts": 1}},
        "linearizer": {"name": "direct"},
        "evaluate": {
            "sets": {"math500": {"name": "jsonl", "params": held}},
            "samples": 3,
            "max_tokens": 2048,
            "greedy": False,
            "models": ["base"],
        },
    }
    return astro.run(parse_config(config, Registry.discover()), runs=folder / "runs").folder


def responses(rows: list[dict[str, Any]], number: int) -> list[str]:
    """The published solution, another problem's answer, none, and the answer after a wrong one."""
    answer, other = rows[number]["answer"], rows[number - 1]["answer"]
    return [
        rows[number]["solution"],
        f"It must be $\\boxed{{{other}}}$.",
        "I cannot tell.",
        f"Perhaps {other}. No: the answer is $\\boxed{{{answer}}}$.",
    ]


def test_inspect_comes_to_the_same_scores(tools: Path, run: Path, tmp_path: Path) -> None:
    command = [tools / "inspect", "eval", "task.py", "-T", f"run={run}"]
    options = ["--model", "mockllm/model", "--log-dir", tmp_path, "--display", "none"]
    environment = {**os.environ, "INSPECT_LOG_FORMAT": "eval"}
    done = subprocess.run(
        [*command, *options],
        env=environment,
        cwd=TASK,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = tmp_path.glob("*.eval")
    read = [tools / "python", "-c", READ, log]
    found = json.loads(subprocess.run(read, check=True, capture_output=True, text=True).stdout)
    ours = json.loads((run / "eval" / "scores.json").read_text())["models"]["base"]["pass@1"]
    theirs = found["scores"]["astro_verifier"]
    assert 0.2 < ours["value"] < 0.8
    assert theirs["accuracy"] == pytest.approx(ours["value"], abs=1e-12)
    assert Z_95 * theirs["stderr"] == pytest.approx(ours["high"] - ours["value"], abs=1e-9)
    rows = [json.loads(line) for line in (run / "eval" / "base.jsonl").read_text().splitlines()]
    verdicts = {
        (f"math500/{row['problem']['id']}", epoch): sample["verdict"]["status"] == "correct"
        for row in rows
        for epoch, sample in enumerate(row["samples"], 1)
    }
    assert {(name, epoch): ours == "C" for name, epoch, ours, _ in found["verdicts"]} == verdicts
    agreed = sum(ours == theirs for _, _, ours, theirs in found["verdicts"])
    assert agreed >= 0.95 * len(verdicts), [v for v in found["verdicts"] if v[2] != v[3]]
    assert found["scores"]["math"]["accuracy"] == pytest.approx(ours["value"], abs=0.05)
