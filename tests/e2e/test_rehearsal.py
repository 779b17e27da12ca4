"""Every config that is shipped goes through all of its stages here, whatever it needs elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from astro.config.yaml import read_config
from astro.files import read_json

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
DATA = Path(__file__).parents[3] / "shared" / "data"
FAST = {"countdown-rounds", "paper-llama3-70b", "quickstart", "server"}
LOCAL = ("--set", "executor={name: local}")
COMPARISONS = [p for p in CONFIGS if "searches" in read_config(p)]
RAY = [p for p in CONFIGS if read_config(p).get("executor", {}).get("name") == "ray"]


def marked(path: Path) -> Any:
    """One config of each kind is fast enough for every day."""
    return pytest.param(path, marks=[] if path.stem in FAST else [pytest.mark.slow], id=path.stem)


def rehearse(config: Path, runs: Path, *arguments: str) -> str:
    """What the command prints in an empty folder, without a network."""
    command = [sys.executable, "-m", "astro", "run", "--rehearse", str(config)]
    done = subprocess.run(
        [*command, "--runs", str(runs), *arguments],
        cwd=runs,
        capture_output=True,
        text=True,
        timeout=580,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def runs_of(folder: Path, name: str) -> list[Path]:
    found = (path.parent for path in (folder / f"rehearsal-{name}").rglob("config.yaml"))
    return sorted(run for run in found if run.parent.name != "inference")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("config", [marked(p) for p in CONFIGS if p not in COMPARISONS])
def test_every_config_can_be_rehearsed(config: Path, tmp_path: Path) -> None:
    shown = rehearse(config, tmp_path, *LOCAL)
    raw = read_config(config)
    for key in ("problems", "policy", "verifier", "linearizer", "sft", "rl"):
        assert key not in raw or f" {key} " in shown
    found = runs_of(tmp_path, raw["name"])
    assert found
    for run in found:
        assert len(rows(run / "trees.jsonl")) == (2 if "format_sft" in raw else 3)
        assert rows(run / "traces.jsonl")
        scores = json.loads((run / "eval" / "scores.json").read_text())
        trained = {key for key in ("sft", "rl") if key in raw}
        assert trained <= set(scores["models"])
        assert (run / "report.md").exists()
    if "inference" in raw:
        results = next(tmp_path.rglob("results.json"))
        (study,) = read_json(results, dict[str, Any]).values()
        assert study["searched"]


@pytest.mark.slow
@pytest.mark.parametrize("config", COMPARISONS, ids=lambda path: path.stem)
def test_every_comparison_can_be_rehearsed(config: Path, tmp_path: Path) -> None:
    rehearse(config, tmp_path, *LOCAL)
    raw = read_config(config)
    results = json.loads(next(tmp_path.rglob("results.json")).read_text())
    measured = {(point["search"], point["budget"]) for point in results["points"]}
    assert measured == {(name, raw["budgets"][0]) for name in raw["searches"]}
    assert results["problems"] == 3


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.parametrize("config", RAY, ids=lambda path: path.stem)
def test_a_cluster_is_rehearsed_with_ray_on_this_machine(config: Path, tmp_path: Path) -> None:
    shown = rehearse(config, tmp_path)
    assert "executor.params: workers" in shown
    (run,) = runs_of(tmp_path, read_config(config)["name"])
    assert any(node["terminal"] for tree in rows(run / "trees.jsonl") for node in tree["nodes"])


@pytest.mark.slow
def test_a_model_that_is_there_and_solves_nothing_is_replaced(tmp_path: Path) -> None:
    config = next(path for path in CONFIGS if path.stem == "one-node")
    model = "policy={name: transformers, params: {model: random-llama}}"
    shown = rehearse(config, tmp_path, *LOCAL, "--set", model, "--until", "linearize")
    assert "random-llama, taught" in " ".join(shown.split())
    (run,) = runs_of(tmp_path, "one-node")
    assert any(row["backtracks"] for row in rows(run / "traces.jsonl"))
    again = rehearse(config, tmp_path, *LOCAL, "--set", model, "--until", "search")
    assert " sft " not in again


def test_the_paper_is_rehearsed_on_problems_of_math(tmp_path: Path) -> None:
    """Three problems of MATH's training split through every stage, with a tiny random Llama."""
    if not DATA.is_dir():
        pytest.skip(f"no {DATA}")
    config = next(path for path in CONFIGS if path.stem == "paper-llama3-70b")
    params = f"train: {DATA / 'math_train.jsonl'}, test: {DATA / 'math500.jsonl'}"
    fields = "fields: {prompt: problem, answer: solution}"
    keys = f"{fields}, answer_in: boxed, drop_unanswered: true"
    given = f"problems={{name: jsonl, params: {{{params}, {keys}}}}}"
    shown = rehearse(config, tmp_path, *LOCAL, "--set", given, "--set", "evaluate.sets={}")
    assert "the first 3" in " ".join(shown.split())
    (run,) = runs_of(tmp_path, "paper-llama3-70b")
    trees = rows(run / "trees.jsonl")
    assert all("MATH" in tree["problem"]["id"].upper() for tree in trees)
    traces = [*rows(run / "traces.jsonl"), *rows(run / "control_traces.jsonl")]
    assert any(trace["backtracks"] for trace in traces)
    scores = json.loads((run / "eval" / "scores.json").read_text())["models"]
    assert set(scores) == {"base", "direct_sft", "sft", "rl"}
    nodes = [node for tree in trees for node in tree["nodes"] if node["verdict"]]
    assert {node["verdict"]["status"] for node in nodes} >= {"correct", "incorrect"}
