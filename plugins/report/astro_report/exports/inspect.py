"""Logs of inspect_ai (https://inspect.aisi.org.uk): one of each model's samples, one of greedy.

The logs are written without inspect_ai, in version 2 of its JSON format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from astro.engine.sampling import Sample
from astro.files import read_lines, write_whole
from astro.metrics import Estimate
from astro.runs.folder import RunFolder
from astro.runs.scoring import EvaluatedProblem, Figures
from astro.runs.stages.report import title_of
from astro.types import FinishReason
from astro_report.reading import models, run_config
from astro_report.report import base_title
from astro_report.results import scores_of

_SCORER = "verifier"
_STOPPED = {
    FinishReason.STOP: "stop",
    FinishReason.EOS: "stop",
    FinishReason.LENGTH: "max_tokens",
}
_Numbered = tuple[int, Sample, int | None]
"""The number of a sample from 1, the sample, and its vote."""


def write(folder: RunFolder, out: Path) -> Iterator[Path]:
    """Write the logs of a run, and yield their paths."""
    scores = scores_of(folder)
    for number, model in enumerate(models(folder)):
        figures = scores.models.get(model, {}) if scores else {}
        for greedy in (False, True):
            samples = list(_samples(folder, model, greedy=greedy))
            if samples:
                kind = "greedy" if greedy else "samples"
                # inspect lists a JSON file as a log only if its name begins with a time.
                name = f"{_made(folder, model):%Y-%m-%dT%H-%M-%S}_{number}-{kind}.json"
                accuracy = figures.get("greedy" if greedy else "pass@1")
                log = _log(folder, model, samples, figures, accuracy, greedy=greedy)
                write_whole(out / name, [msgspec.json.encode(log)])
                yield out / name


def _log(
    folder: RunFolder,
    model: str,
    samples: Sequence[dict[str, Any]],
    figures: Figures,
    accuracy: Estimate | None,
    *,
    greedy: bool,
) -> dict[str, Any]:
    config = run_config(folder)
    title = title_of(model, base_title(folder, config))
    made = _made(folder, model).isoformat()
    ids = list(dict.fromkeys(sample["id"] for sample in samples))
    epochs = max(sample["epoch"] for sample in samples)
    task = f"{config.name}, greedy" if greedy else config.name
    identity = blake2b(f"{task}/{model}".encode(), digest_size=11).hexdigest()
    # Of a greedy log, the metrics of the sampled responses are not metrics.
    metrics = {} if greedy else {name: _metric(name, one) for name, one in figures.items()}
    if accuracy:
        metrics = {"accuracy": _metric("accuracy", accuracy)} | metrics
    score = {"name": _SCORER, "scorer": _SCORER, "reducer": "mean", "metrics": metrics}
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": identity,
            "run_id": identity,
            "task_id": identity,
            "created": made,
            "task": task,
            "dataset": {
                "name": config.problems.name,
                "samples": len(ids),
                "sample_ids": ids,
                "shuffled": False,
            },
            "model": title,
            "config": {"epochs": epochs, "epochs_reducer": ["mean"]},
            "metadata": {"astro_model": model, "greedy": greedy},
        },
        "plan": {"name": "plan", "steps": [{"solver": "generate"}]},
        "results": {
            "total_samples": len(samples),
            "completed_samples": len(samples),
            "scores": [score],
        },
        "stats": {"started_at": made, "completed_at": made},
        "samples": samples,
    }


def _made(folder: RunFolder, model: str) -> datetime:
    """When the responses of a model were written."""
    return datetime.fromtimestamp(int(folder.samples(model).stat().st_mtime), UTC)


def _metric(name: str, figure: Estimate) -> dict[str, Any]:
    return {
        "name": name,
        "value": figure.value,
        "metadata": {"low": figure.low, "high": figure.high},
    }


def _samples(folder: RunFolder, model: str, *, greedy: bool) -> Iterator[dict[str, Any]]:
    for row in read_lines(folder.samples(model), EvaluatedProblem):
        votes = row.votes or [None] * len(row.samples)
        numbered: list[_Numbered] = (
            [(1, sample, None) for sample in row.greedy]
            if greedy
            else [
                (number, sample, vote)
                for number, (sample, vote) in enumerate(zip(row.samples, votes, strict=True), 1)
            ]
        )
        for number, sample, vote in numbered:
            yield _sample(row, number, sample, vote)


def _sample(row: EvaluatedProblem, number: int, sample: Sample, vote: int | None) -> dict[str, Any]:
    """One response as a sample; its number is the epoch.

    The id is the problem's, after the name of its evaluation set if there is one, because two sets
    may have the same ids.
    """
    problem, verdict = row.problem, sample.verdict
    reason = f"{verdict.status.value}: {verdict.reason}" if verdict.reason else verdict.status.value
    # A text block: of plain content, inspect_ai would take what is in <think> for reasoning.
    said = {"role": "assistant", "content": [{"type": "text", "text": sample.text}]}
    asked = {"role": "user", "content": [{"type": "text", "text": row.prompt or problem.prompt}]}
    return {
        "id": f"{row.evaluation_set}/{problem.id}" if row.evaluation_set else problem.id,
        "epoch": number,
        "input": row.prompt or problem.prompt,
        "target": problem.answer,
        "messages": [asked, said],
        "output": {
            "model": "",
            "choices": [{"message": said, "stop_reason": _STOPPED[sample.finish_reason]}],
            "usage": {"output_tokens": sample.tokens, "total_tokens": sample.tokens},
        },
        "scores": {
            _SCORER: {
                "value": "C" if verdict.correct else "I",
                "answer": verdict.answer,
                "explanation": reason,
                "metadata": {"status": verdict.status, "reason": verdict.reason, "vote": vote},
            }
        },
        "metadata": {
            "problem": msgspec.to_builtins(problem),
            "evaluation_set": row.evaluation_set,
            "finish_reason": sample.finish_reason,
            "token_ids": sample.token_ids,
            "logprobs": sample.logprobs,
        },
    }
