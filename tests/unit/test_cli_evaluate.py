"""`astro evaluate`: sets measured without search or training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from astro.cli import main
from astro.experiments.loading import load_run
from astro.runs.stages.report import policy_title

DATA = Path(__file__).parents[3] / "shared" / "data"
CONFIG = Path(__file__).parents[2] / "configs" / "math-eval.yaml"
FIELDS = {"prompt": "problem", "answer": "answer", "metadata": {"level": "level"}}


def evaluate(config: Path, *arguments: str) -> Result:
    runs = str(config.parent / "runs")
    return CliRunner().invoke(main, ["evaluate", str(config), "--runs", runs, *arguments])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped config, by the scripted policy and on two problems of each of two sets."""
    raw = yaml.safe_load(CONFIG.read_text())
    sets = {}
    for name in ("math500", "amc23"):
        path = tmp_path / f"{name}.jsonl"
        rows = [{"problem": f"{name} {i}?", "answer": i, "level": i} for i in (1, 2)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        params = {"test": str(path), "fields": FIELDS}
        sets[name] = raw["evaluate"]["sets"][name] | {"name": "jsonl", "params": params}
    raw["evaluate"]["sets"] = sets
    raw["policy"] = {"name": "scripted", "params": {"answers": ["So $\\boxed{1}$.\n"]}}
    raw["verifier"]["workers"] = 1
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    return path


def test_every_set_and_level_is_shown_and_nothing_searched(config: Path) -> None:
    result = evaluate(config)
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())
    for words in ("amc23: 2 problems", "math500, level 2: 1 problems", "50.0 [0.0, 100.0]"):
        assert words in shown
    folder = config.parent / "runs" / "math-eval"
    assert {"eval", "report.md", "config.yaml"} <= {path.name for path in folder.iterdir()}
    assert not (folder / "trees.jsonl").exists()
    rows = [json.loads(line) for line in (folder / "eval" / "base.jsonl").read_text().splitlines()]
    assert [len(row["samples"]) for row in rows] == [4, 4, 16, 16]
    assert rows[0]["prompt"].endswith("Problem: math500 1?")
    assert "## Step n" in rows[0]["prompt"]


def test_it_goes_on_where_it_was_and_ends_the_same(config: Path) -> None:
    folder = config.parent / "runs" / "math-eval"
    assert evaluate(config).exit_code == 0
    scores = (folder / "eval" / "scores.json").read_bytes()
    (folder / "eval" / "scores.json").unlink()
    (folder / "eval" / "base.jsonl").unlink()
    assert evaluate(config).exit_code == 0
    assert (folder / "eval" / "scores.json").read_bytes() == scores
    changed = evaluate(config, "--set", "evaluate.samples=5")
    assert changed.exit_code == 2
    assert changed.stderr.startswith("error: ")
    assert evaluate(config, "--set", "evaluate.samples=5", "--fresh").exit_code == 0


def test_what_is_not_used_may_be_absent_or_not_installed(config: Path) -> None:
    raw = yaml.safe_load(config.read_text())
    for key in ("search", "value", "linearizer", "control"):
        del raw[key]
    config.write_text(yaml.safe_dump(raw))
    assert evaluate(config).exit_code == 0
    assert evaluate(config).exit_code == 0, "a finished evaluation is read again"
    refused = CliRunner().invoke(main, ["run", str(config)])
    assert refused.exit_code == 2
    assert "search: missing" in refused.stderr
    raw["search"] = {"name": "not_installed"}
    config.write_text(yaml.safe_dump(raw))
    assert evaluate(config, "--fresh").exit_code == 0
    assert evaluate(config, "--set", "verifier.name=not_installed").exit_code == 2


def test_the_result_as_json(config: Path) -> None:
    result = json.loads(evaluate(config, "--json").stdout)
    scores = json.loads(Path(result["folder"], "eval", "scores.json").read_text())
    assert result["scores"] == scores["models"]
    assert result["examples"][0]["status"] == "correct"
    runs = str(config.parent / "elsewhere")
    arguments = ["run", str(config), "--runs", runs, "--until", "search", "--json"]
    arguments += ["--set", "trees=1", "--set", "problems.name=jsonl"]
    sets = yaml.safe_load(config.read_text())["evaluate"]["sets"]
    path = sets["amc23"]["params"]["test"]
    arguments += ["--set", f"problems.params={{train: {path}, fields: {json.dumps(FIELDS)}}}"]
    arguments += ["--set", "decontaminate=false"]
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["scores"] == {}


def test_the_model_is_named(config: Path) -> None:
    result = evaluate(config)
    assert "scripted" in result.stdout
    assert "base" not in result.stdout
    folder = config.parent / "runs" / "math-eval"
    first = result.stderr.splitlines()[0]
    assert first == f"math-eval: in {folder}/; policy scripted; seed 0"
    report = (config.parent / "runs" / "math-eval" / "report.md").read_text()
    assert "| scripted |" in report
    assert "| base |" not in report


@pytest.mark.parametrize(
    ("params", "title"),
    [
        ({"model": "/data/runs/x/rl/model"}, "x/rl/model"),
        ({"model": "Qwen/Qwen2.5-1.5B"}, "Qwen/Qwen2.5-1.5B"),
        ({}, "scripted"),
    ],
)
def test_the_title_of_a_policy(config: Path, params: dict[str, str], title: str) -> None:
    loaded = load_run(config)
    policy = loaded.policy.model_copy(update={"params": params})
    assert policy_title(loaded.model_copy(update={"policy": policy})) == title


def test_a_set_that_is_not_there_is_one_line(config: Path) -> None:
    absent = "evaluate.sets.amc23.params.test=absent.jsonl"
    result = evaluate(config, "--set", absent)
    assert result.exit_code == 2
    assert result.stderr == "error: absent.jsonl: cannot read: No such file or directory\n"


@pytest.mark.skipif(not DATA.exists(), reason="no shared/data beside the repository")
def test_the_published_sets(config: Path) -> None:
    """Always answering 1 is right as often as 1 is the reference."""
    sets = {
        name: {"name": "jsonl", "params": {"test": str(DATA / f"{name}.jsonl"), "fields": FIELDS}}
        for name in ("math500", "amc23", "aime24")
    }
    raw = yaml.safe_load(config.read_text())
    raw["evaluate"] |= {"sets": sets, "samples": 2, "greedy": False}
    config.write_text(yaml.safe_dump(raw, sort_keys=False))
    result = evaluate(config)
    assert result.exit_code == 0, result.output
    path = config.parent / "runs" / "math-eval" / "eval" / "scores.json"
    groups = json.loads(path.read_text())["groups"]
    wholes = {g["evaluation_set"]: g["problems"] for g in groups if not g["key"]}
    assert wholes == {"math500": 500, "amc23": 40, "aime24": 30}
    by_level = {g["value"]: g["problems"] for g in groups if g["key"] == "level"}
    rows = [json.loads(line) for line in (DATA / "math500.jsonl").open(encoding="utf-8")]
    assert sum(by_level.values()) == 500
    ones = sum(row["answer"] == "1" for row in rows)
    (whole,) = [g for g in groups if (g["evaluation_set"], g["key"]) == ("math500", "")]
    assert whole["models"]["base"]["pass@1"]["value"] == pytest.approx(ones / 500)
