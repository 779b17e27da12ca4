"""Runs in the formats of other tools, read back by these tools or by their published rules."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small_runs import small_config

import astro
from astro.cli.app import main
from astro.config.loading import parse_config
from astro.engine.sampling import Sample
from astro.files import read_lines, write_lines
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.scoring import EvaluatedProblem
from astro.types import FinishReason, Problem, Status, Verdict

TEXT = "<think>a</think> \\boxed{1}\r\n\u2028=1+1"


def sample(status: Status, reason: str = "") -> Sample:
    return Sample(TEXT, (5, 6), (-0.5, -1.0), FinishReason.LENGTH, Verdict(status, "1", reason))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    runs = tmp_path_factory.mktemp("runs")
    registry = Registry.discover()
    config = parse_config(small_config(runs, linearizer={"name": "backtrack"}), registry)
    astro.run(config, runs=runs, registry=registry)
    folder = RunFolder(runs / "small")
    statuses = [[Status.CORRECT, Status.TIMEOUT], [Status.UNPARSED, Status.BAD_REFERENCE]]
    rows = [
        EvaluatedProblem(
            Problem("__proto__", f"p {name}", "1", {"level": [1, "x"]}),
            [sample(status, "why") for status in found],
            [sample(Status.CORRECT)],
            evaluation_set=name,
            prompt=f"asked {name}",
            votes=[0, None],
        )
        for name, found in zip(("a", "b"), statuses, strict=True)
    ]
    write_lines(folder.samples("base"), rows)
    estimate = {"value": 0.25, "low": 0.0, "high": 0.5}
    greedy = {"value": 1.0, "low": 1.0, "high": 1.0}
    scores = {"models": {"base": {"pass@1": estimate, "greedy": greedy, "maj@2": estimate}}}
    folder.scores.write_text(json.dumps(scores))
    folder.training("rl").mkdir()
    log = [{"step": 1, "reward": 0.5, "note": "x"}, {"step": 3, "reward": None, "kl": -1e-12}]
    (folder.training("rl") / "metrics.jsonl").write_text("\n".join(map(json.dumps, log)))
    return folder


def export(folder: RunFolder, to: str, out: Path) -> Result:
    arguments = ["export", str(folder.root), "--to", to, "--out", str(out)]
    return CliRunner().invoke(main, arguments)


def logs(folder: RunFolder, out: Path) -> list[Path]:
    result = export(folder, "inspect", out)
    assert result.exit_code == 0, result.output
    return sorted(out.iterdir(), key=lambda path: path.name.rpartition("-")[2], reverse=True)


def test_an_inspect_log_has_the_accuracy_of_the_run(folder: RunFolder, tmp_path: Path) -> None:
    samples, greedy = (json.loads(path.read_text("utf-8")) for path in logs(folder, tmp_path / "o"))
    for log, accuracy in ((samples, 0.25), (greedy, 1.0)):
        (score,) = log["results"]["scores"]
        assert score["metrics"]["accuracy"]["value"] == accuracy
        right: dict[str, list[bool]] = {}
        for one in log["samples"]:
            right.setdefault(one["id"], []).append(one["scores"]["verifier"]["value"] == "C")
        assert fmean(map(fmean, right.values())) == accuracy
    assert samples["results"]["scores"][0]["metrics"]["maj@2"]["metadata"] == {
        "low": 0,
        "high": 0.5,
    }
    assert [(one["id"], one["epoch"]) for one in samples["samples"]] == [
        ("a/__proto__", 1),
        ("a/__proto__", 2),
        ("b/__proto__", 1),
        ("b/__proto__", 2),
    ]
    explained = [one["scores"]["verifier"]["explanation"] for one in samples["samples"]]
    assert explained == ["correct: why", "timeout: why", "unparsed: why", "bad_reference: why"]
    assert samples["samples"][0]["metadata"]["token_ids"] == [5, 6]
    assert samples["samples"][0]["input"] == "asked a"


@pytest.mark.slow
def test_inspect_reads_its_logs(folder: RunFolder, tmp_path: Path) -> None:
    log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")
    logs(folder, tmp_path / "out")
    found = {
        info.name: log.read_eval_log(info) for info in log.list_eval_logs(str(tmp_path / "out"))
    }
    assert len(found) == 2
    for read in found.values():
        assert read.status == "success"
        accuracy = 1.0 if read.eval.metadata["greedy"] else 0.25
        assert read.results.scores[0].metrics["accuracy"].value == accuracy
        for one in read.samples:
            assert one.output.completion == TEXT
            assert one.messages[1].text == TEXT


def sessions(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Each file's lines, checked by the rules of the Hub's page on session traces."""
    found = {}
    for path in sorted(out.iterdir()):
        lines = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
        head, *messages = lines
        assert head["type"] == "session"
        assert head["harness"] == "astro"
        assert all(isinstance(head[key], str) and head[key] for key in ("id", "name"))
        for line in messages:
            assert line.keys() == {"type", "message"}
            assert line["type"] == "message"
            assert line["message"].keys() == {"role", "content"}
            assert line["message"]["role"] in ("user", "assistant", "system", "tool")
            assert isinstance(line["message"]["content"], str)
        found[head["id"]] = lines
        assert path.suffix == ".jsonl"
    return found


def test_session_traces_hold_every_trace_and_response(folder: RunFolder, tmp_path: Path) -> None:
    assert export(folder, "sts", tmp_path / "out").exit_code == 0
    found = sessions(tmp_path / "out")
    traces = list(read_lines(folder.traces("sft"), dict[str, Any]))
    assert len(found) == len(traces) + 6
    for trace in traces:
        head, asked, *said = found[f"sft/{trace['id']}"]
        assert asked["message"] == trace["messages"][0]
        texts = [line["message"]["content"] for line in said]
        assert "".join(texts) == trace["messages"][1]["content"]
        kept = zip(texts, head["astro"]["segments"], strict=True)
        assert [{"text": text, **rest} for text, rest in kept] == trace["segments"]
    head, _, answer = found["base/b/__proto__/1"]
    assert answer["message"]["content"] == TEXT
    assert head["astro"]["sample"]["verdict"]["status"] == "bad_reference"
    assert head["astro"]["problem"]["metadata"] == {"level": [1, "x"]}


def test_tables_hold_every_node_segment_and_response(folder: RunFolder, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assert export(folder, "parquet", tmp_path / "out").exit_code == 0
    nodes, segments, responses = (
        parquet.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist()
        for name in ("nodes", "segments", "responses")
    )
    trees = list(astro.read_trees(folder.root))
    assert [(row["problem"], row["node"], row["text"], row["q_value"]) for row in nodes] == [
        (tree.problem.id, n.id, n.step.text, n.q_value) for tree in trees for n in tree.nodes
    ]
    assert nodes[0]["parent"] is None
    assert nodes[0]["verdict_status"] is None
    traces = list(astro.read_traces(folder.root))
    assert [(row["trace"], row["node"], row["text"]) for row in segments] == [
        (trace.id, one.node, one.text) for trace in traces for one in trace.segments
    ]
    assert [
        (row["greedy"], row["number"], row["verdict_status"], row["vote"]) for row in responses
    ] == [
        (True, 0, "correct", None),
        (False, 0, "correct", 0),
        (False, 1, "timeout", None),
        (True, 0, "correct", None),
        (False, 0, "unparsed", 0),
        (False, 1, "bad_reference", None),
    ]
    assert responses[0]["text"] == TEXT
    assert responses[0]["logprobs"] == [-0.5, -1.0]


def test_tensorboard_reads_metrics_and_scores(folder: RunFolder, tmp_path: Path) -> None:
    name = "tensorboard.backend.event_processing.event_accumulator"
    events = pytest.importorskip(name, reason="tensorboard is not installed")
    assert export(folder, "tensorboard", tmp_path / "out").exit_code == 0
    rl, base = (events.EventAccumulator(str(tmp_path / "out" / model)) for model in ("rl", "base"))
    rl.Reload()
    base.Reload()
    assert rl.Tags()["scalars"] == ["reward", "kl"]
    assert [(one.step, one.value) for one in rl.Scalars("reward")] == [(1, 0.5)]
    assert [one.step for one in rl.Scalars("kl")] == [3]
    assert base.Scalars("eval/pass@1")[0].value == 0.25


def test_nothing_is_overwritten_and_nothing_to_write_is_said(
    folder: RunFolder, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("")
    refused = export(folder, "sts", tmp_path)
    assert refused.exit_code == 2
    assert "is not empty" in refused.stderr
    empty = RunFolder(tmp_path / "run")
    empty.root.mkdir()
    empty.config.write_bytes(folder.config.read_bytes())
    for to in ("inspect", "sts", "parquet", "tensorboard"):
        nothing = export(empty, to, tmp_path / to)
        assert nothing.exit_code == 2, to
        assert f"nothing that can be written as {to}" in nothing.stderr
