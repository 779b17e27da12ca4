"""Session traces in Hugging Face's Session Trace Simple Format, one file per session.

https://huggingface.co/docs/hub/session-traces-format: a header, then one message per line. The
header may have further fields, which the viewer ignores; they hold what messages cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from astro.engine.sampling import Sample
from astro.files import read_lines, write_plain_lines
from astro.runs.folder import RunFolder
from astro.runs.reading import read_traces
from astro.runs.scoring import EvaluatedProblem
from astro_report.reading import arms, models

_HARNESS = "astro"


def write(folder: RunFolder, out: Path) -> Iterator[Path]:
    """Write the sessions of a run, and yield their paths."""
    for arm in arms(folder):
        for number, trace in enumerate(read_traces(folder.traces(arm))):
            path = out / f"traces-{arm}-{number}.jsonl"
            extra = {
                "arm": arm,
                "problem": trace.problem,
                "answer": trace.answer,
                "rewritten": trace.rewritten,
                "segments": [
                    {key: value for key, value in segment.items() if key != "text"}
                    for segment in msgspec.to_builtins(trace.segments)
                ],
            }
            asked = [(m["role"], m["content"]) for m in trace.messages if m["role"] != "assistant"]
            said = [("assistant", segment.text) for segment in trace.segments]
            _session(path, f"{arm}/{trace.id}", [*asked, *said], extra)
            yield path
    for place, model in enumerate(models(folder)):
        yield from _responses(folder, model, place, out)


def _responses(folder: RunFolder, model: str, place: int, out: Path) -> Iterator[Path]:
    """The sessions of a model's responses: the user message, then the response."""
    for number, row in enumerate(read_lines(folder.samples(model), EvaluatedProblem)):
        votes = row.votes or [None] * len(row.samples)
        named: list[tuple[str, Sample, int | None]]
        named = [("greedy", sample, None) for sample in row.greedy]
        named += [
            (str(i), sample, vote)
            for i, (sample, vote) in enumerate(zip(row.samples, votes, strict=True))
        ]
        for name, sample, vote in named:
            path = out / f"responses-{place}-{number}-{name}.jsonl"
            extra = {
                "model": model,
                "evaluation_set": row.evaluation_set,
                "problem": msgspec.to_builtins(row.problem),
                "vote": vote,
                "sample": {
                    key: value
                    for key, value in msgspec.to_builtins(sample).items()
                    if key != "text"
                },
            }
            session = f"{model}/{row.evaluation_set}/{row.problem.id}/{name}"
            messages = [("user", row.prompt or row.problem.prompt), ("assistant", sample.text)]
            _session(path, session, messages, extra)
            yield path


def _session(
    path: Path, session: str, messages: list[tuple[str, str]], extra: Mapping[str, Any]
) -> None:
    head = {"type": "session", "harness": _HARNESS, "id": session, "name": session}
    lines = [
        {"type": "message", "message": {"role": role, "content": content}}
        for role, content in messages
    ]
    write_plain_lines(path, [{**head, "astro": extra}, *lines])
