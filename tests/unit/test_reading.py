"""Reading a run's files from a notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_runs import small_config

import astro
from astro.config.loading import parse_config
from astro.errors import RunError
from astro.files import read_lines
from astro.plugins.registry import Registry
from astro.runs.scoring import EvaluatedProblem


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    registry = Registry.discover()
    astro.run(parse_config(small_config(runs), registry), runs=runs, registry=registry)
    return runs / "small"


def test_a_run_is_read_by_its_folder_or_by_a_file(folder: Path) -> None:
    ids = [tree.problem.id for tree in astro.read_trees(str(folder))]
    assert ids == ["set/0", "set/1", "set/2"]
    assert [tree.problem.id for tree in astro.read_trees(folder / "trees.jsonl")] == ids
    traces = list(astro.read_traces(folder))
    assert [(t.id, t.problem, t.backtracks) for t in traces] == [(f"{i}#0", i, 0) for i in ids]
    assert all(trace.messages[1]["content"] == trace.response for trace in traces)
    assert astro.read_scores(folder) == astro.read_scores(folder / "eval" / "scores.json")
    assert astro.read_scores(folder).models["base"]["pass@1"].value == 1.0


def test_what_is_not_there_or_damaged_is_one_error(folder: Path, tmp_path: Path) -> None:
    for read in (astro.read_trees, astro.read_traces, astro.read_scores):
        with pytest.raises(RunError, match="does not exist"):
            read(tmp_path)
    lines = (folder / "trees.jsonl").read_text().splitlines()
    tree = json.loads(lines[1])
    tree["nodes"][1]["parent"] = 7
    (tmp_path / "trees.jsonl").write_text("\n".join([lines[0], json.dumps(tree)]))
    trees = astro.read_trees(tmp_path)
    assert next(trees).problem.id == "set/0"
    with pytest.raises(RunError, match="node 1 has the parent 7"):
        next(trees)


def test_a_row_whose_parts_do_not_fit_is_named(folder: Path, tmp_path: Path) -> None:
    trace = json.loads((folder / "traces.jsonl").read_text().splitlines()[0])
    del trace["messages"][0]["role"]
    (tmp_path / "traces.jsonl").write_text(json.dumps(trace))
    with pytest.raises(RunError, match=r"traces\.jsonl:1: .*`role`"):
        list(astro.read_traces(tmp_path / "traces.jsonl"))
    row = json.loads((folder / "eval" / "base.jsonl").read_text().splitlines()[0])
    row["votes"].append(0)
    (tmp_path / "base.jsonl").write_text(json.dumps(row))
    with pytest.raises(RunError, match=r"base\.jsonl:1: Expected one vote for each"):
        list(read_lines(tmp_path / "base.jsonl", EvaluatedProblem))
