"""Tables for pandas: the nodes of trees, the segments of traces, and responses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from astro.files import read_lines
from astro.runs.folder import RunFolder
from astro.runs.reading import read_traces, read_trees
from astro.runs.scoring import EvaluatedProblem
from astro.types import Problem, Verdict
from astro_report.reading import arms, models

_ROWS = 5_000
_IDS = pa.list_(pa.int64())
_PROBLEM = [("problem", pa.string()), ("prompt", pa.string()), ("answer", pa.string())]
_VERDICT = [(f"verdict_{name}", pa.string()) for name in ("status", "answer", "reason")]
_NODES = pa.schema(
    [
        *_PROBLEM,
        ("metadata", pa.string()),
        ("ended", pa.string()),
        ("node", pa.int64()),
        ("parent", pa.int64()),
        ("children", _IDS),
        ("depth", pa.int64()),
        ("text", pa.string()),
        ("token_ids", _IDS),
        ("logprob", pa.float64()),
        ("terminal", pa.bool_()),
        ("prior", pa.float64()),
        ("visit_count", pa.int64()),
        ("q_value", pa.float64()),
        ("value", pa.float64()),
        *_VERDICT,
    ]
)
_SEGMENTS = pa.schema(
    [
        ("arm", pa.string()),
        ("trace", pa.string()),
        ("problem", pa.string()),
        ("messages", pa.string()),
        ("trace_answer", pa.string()),
        ("rewritten", pa.bool_()),
        ("number", pa.int64()),
        ("node", pa.int64()),
        ("kind", pa.string()),
        ("train", pa.bool_()),
        ("text", pa.string()),
        ("token_ids", _IDS),
    ]
)
_RESPONSES = pa.schema(
    [
        ("model", pa.string()),
        ("evaluation_set", pa.string()),
        *_PROBLEM,
        ("metadata", pa.string()),
        ("user_message", pa.string()),
        ("greedy", pa.bool_()),
        ("number", pa.int64()),
        ("text", pa.string()),
        ("token_ids", _IDS),
        ("logprobs", pa.list_(pa.float64())),
        ("finish_reason", pa.string()),
        *_VERDICT,
        ("vote", pa.int64()),
    ]
)


def write(folder: RunFolder, out: Path) -> Iterator[Path]:
    """Write the tables of a run, and yield their paths."""
    if folder.trees.exists():
        yield _table(out / "nodes.parquet", _NODES, _nodes(folder))
    if arms(folder):
        yield _table(out / "segments.parquet", _SEGMENTS, _segments(folder))
    if models(folder):
        yield _table(out / "responses.parquet", _RESPONSES, _responses(folder))


def _table(path: Path, schema: Any, rows: Iterable[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema) as writer:
        remaining = iter(rows)
        while some := list(islice(remaining, _ROWS)):
            writer.write_table(pa.Table.from_pylist(some, schema))
    return path


def _problem(problem: Problem) -> dict[str, Any]:
    """A problem's columns; its metadata, which have any shape, are JSON."""
    metadata = msgspec.json.encode(problem.metadata).decode()
    return {
        "problem": problem.id,
        "prompt": problem.prompt,
        "answer": problem.answer,
        "metadata": metadata,
    }


def _verdict(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {}
    return {
        "verdict_status": verdict.status.value,
        "verdict_answer": verdict.answer,
        "verdict_reason": verdict.reason,
    }


def _nodes(folder: RunFolder) -> Iterator[dict[str, Any]]:
    for tree in read_trees(folder.trees):
        of_tree = {**_problem(tree.problem), "ended": tree.ended}
        for node in tree.nodes:
            own = msgspec.to_builtins(node)
            step = own.pop("step")
            del own["verdict"]
            yield {**of_tree, "node": own.pop("id"), **own, **step, **_verdict(node.verdict)}


def _segments(folder: RunFolder) -> Iterator[dict[str, Any]]:
    for arm in arms(folder):
        for trace in read_traces(folder.traces(arm)):
            of_trace = {
                "arm": arm,
                "trace": trace.id,
                "problem": trace.problem,
                "messages": msgspec.json.encode(trace.messages).decode(),
                "trace_answer": trace.answer,
                "rewritten": trace.rewritten,
            }
            for number, segment in enumerate(trace.segments):
                yield {**of_trace, "number": number, **msgspec.to_builtins(segment)}


def _responses(folder: RunFolder) -> Iterator[dict[str, Any]]:
    for model in models(folder):
        for row in read_lines(folder.samples(model), EvaluatedProblem):
            of_row = {
                "model": model,
                "evaluation_set": row.evaluation_set,
                **_problem(row.problem),
                "user_message": row.prompt,
            }
            votes = row.votes or [None] * len(row.samples)
            greedy = [(True, 0, sample, None) for sample in row.greedy]
            sampled = enumerate(zip(row.samples, votes, strict=True))
            others = [(False, number, sample, vote) for number, (sample, vote) in sampled]
            for is_greedy, number, sample, vote in (*greedy, *others):
                own = msgspec.to_builtins(sample)
                del own["verdict"]
                named = {"greedy": is_greedy, "number": number, "vote": vote}
                yield {**of_row, **named, **own, **_verdict(sample.verdict)}
