"""The report of a small run, read back from its HTML as the page reads it."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from pages import documents
from small_runs import small_config

import astro
from astro.config.loading import parse_config
from astro.errors import RunError
from astro.files import read_lines
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.types import SearchTree
from astro_report import report
from astro_report.documents import Series, TrainingCurves
from astro_report.report import write_report
from astro_report.training import curves


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    runs = tmp_path_factory.mktemp("runs")
    registry = Registry.discover()
    config = parse_config(small_config(runs, linearizer={"name": "backtrack"}), registry)
    astro.run(config, runs=runs, registry=registry)
    return RunFolder(runs / "small")


def test_report_holds_each_tree_with_its_traces(folder: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert write_report(folder.root, Registry.discover(), out) == [out]
    found = documents(out)
    trees = list(read_lines(folder.trees, SearchTree))
    traces = list(read_lines(folder.traces("sft"), dict[str, Any]))
    assert found["run"]["name"] == "small"
    assert found["trees"]["id"] == [tree.problem.id for tree in trees]
    assert found["trees"]["size"] == [len(tree.nodes) for tree in trees]
    shown = [tree for number in {*found["trees"]["chunk"]} for tree in found[f"trees/{number}"]]
    assert [tree["text"] for tree in shown] == [[n.step.text for n in t.nodes] for t in trees]
    told = {trace["id"]: (tree, trace) for tree in shown for trace in tree["traces"]}
    assert told.keys() == {trace["id"] for trace in traces}
    for trace in traces:
        tree, entry = told[trace["id"]]
        texts = [tree["text"][n] if text is None else text for n, _, _, text in entry["segments"]]
        assert "".join(texts) == trace["messages"][1]["content"]
        assert [n for n, *_ in entry["segments"]] == [s["node"] for s in trace["segments"]]


def test_report_is_the_same_each_time(folder: RunFolder, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_report(folder.root, Registry.discover(), tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_curves_take_only_numbers_and_whole_rows(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    rows = ['{"step": 5, "a": 1, "b": "x"}', '{"step": null, "a": null}', f'{{"a": {10**400}}}']
    log.write_text("\n".join(rows) + '\n{"step": 9, "a')
    found = curves(log, "RL")
    assert found == TrainingCurves("RL", [Series("a", [5.0, 2.0, 3.0], [1.0, None, None])])
    log.write_text("[]\n")
    with pytest.raises(RunError, match=r"metrics\.jsonl:1: Expected `object`"):
        curves(log, "RL")


def test_large_report_has_its_chunks_beside_it(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "my report.html"
    stale = tmp_path / "my report_data" / "trees-7.js"
    stale.parent.mkdir()
    stale.touch()
    write_report(folder.root, Registry.discover(), tmp_path / "whole.html")
    whole = documents(tmp_path / "whole.html")
    monkeypatch.setattr(report, "EMBEDDED_BYTES", 0)
    write_report(folder.root, Registry.discover(), out)
    held = documents(out)
    assert 'data-chunks="my%20report_data"' in out.read_text()
    assert held["chunks"] == {"trees/0": "trees-0.js", "responses/base/0": "responses-0-0.js"}
    assert not stale.exists()
    for name, file in held["chunks"].items():
        content = stale.with_name(file).read_text()
        quoted, _, packed = content.removeprefix("astroDocument(").partition(", ")
        assert json.loads(quoted) == name
        read = json.loads(gzip.decompress(b64decode(packed.strip().strip('")'))))
        assert read == whole[name]
    monkeypatch.undo()
    write_report(folder.root, Registry.discover(), out)
    assert not stale.parent.exists()
