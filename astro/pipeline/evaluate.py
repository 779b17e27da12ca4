"""Stage 5: every model on held-out problems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from astro.config import Evaluate
from astro.engine import Task
from astro.files import read_json, read_lines, write_json, write_whole
from astro.interfaces import StepChecker, StepFormat
from astro.metrics import Estimate, majority_at_k, mean, pass_at_k, ratio
from astro.pipeline.context import Run
from astro.requests import Program
from astro.sampling import Sample, sample_responses
from astro.types import Problem

STAGE = "evaluate"
Scores = dict[str, dict[str, Estimate]]


@dataclass(frozen=True, slots=True)
class Measured:
    """A problem, a model's samples of it, and its greedy response (one at the most)."""

    problem: Problem
    samples: list[Sample]
    greedy: list[Sample]


@dataclass(frozen=True, slots=True)
class _ScoresFile:
    models: Scores


def run(run: Run) -> None:
    """Write eval/<model>.jsonl for every model that there is, and eval/scores.json."""
    scores: Scores = {}
    for model in run.config.evaluated():
        if not run.folder.samples(model).exists():
            _sample(run, model)
        measured = list(read_lines(run.folder.samples(model), Measured))
        scores[model] = score(measured, run.step_format())
    write_json(run.folder.scores, _ScoresFile(scores))


def _sample(run: Run, model: str) -> None:
    stage = f"{STAGE}/{model}"
    tasks = [
        Task(f"{stage}/{problem.id}", partial(measure, problem, run.config.evaluate))
        for problem in run.problems(run.config.evaluate.split)
    ]
    run.carry_out(stage, "problems", tasks, policy=run.policy(model), fields=_fields)
    results = run.results(task.key for task in tasks)
    write_whole(run.folder.samples(model), (result + b"\n" for result in results))


def measure(problem: Problem, config: Evaluate) -> Program[Measured]:
    """Sample one problem as the config says."""
    samples = yield from sample_responses(
        problem, config.samples, max_tokens=config.max_tokens, temperature=config.temperature
    )
    greedy: list[Sample] = []
    if config.greedy:
        greedy = yield from sample_responses(
            problem, 1, max_tokens=config.max_tokens, temperature=0.0
        )
    return Measured(problem, samples, greedy)


def _fields(measured: Measured) -> dict[str, float]:
    rewards = [sample.verdict.reward for sample in measured.samples]
    return {"pass@1": sum(rewards) / len(rewards)}


def score(measured: list[Measured], step_format: StepFormat) -> dict[str, Estimate]:
    """Every figure that is defined for these samples, by name."""
    figures = {**dict(_accuracy(measured)), **dict(_behaviour(measured, step_format))}
    return {name: figure for name, figure in figures.items() if figure is not None}


def _accuracy(measured: list[Measured]) -> Iterator[tuple[str, Estimate | None]]:
    counts = [(len(m.samples), sum(s.verdict.correct for s in m.samples)) for m in measured]
    k = min((n for n, _ in counts), default=0)
    yield "pass@1", ratio([float(c) for _, c in counts], [float(n) for n, _ in counts])
    yield "greedy", mean([m.greedy[0].verdict.reward for m in measured if m.greedy])
    yield f"pass@{k}", mean([pass_at_k(n, c, k) for n, c in counts])
    yield f"maj@{k}", mean([_majority(m) for m in measured])


def _majority(measured: Measured) -> float:
    verdicts = [sample.verdict for sample in measured.samples]
    return majority_at_k([v.answer for v in verdicts], [v.correct for v in verdicts])


def _behaviour(
    measured: list[Measured], step_format: StepFormat
) -> Iterator[tuple[str, Estimate | None]]:
    n = [float(len(m.samples)) for m in measured]
    lengths = [float(sum(s.tokens for s in m.samples)) for m in measured]
    back = [[step_format.backtracks(s.text) for s in m.samples] for m in measured]
    tried = [float(sum(b > 0 for b in bs)) for bs in back]
    won = [
        float(sum(s.verdict.correct for s, b in zip(m.samples, bs, strict=True) if b))
        for m, bs in zip(measured, back, strict=True)
    ]
    yield "response_length", ratio(lengths, n, bound=None)
    yield "backtracks", ratio([float(sum(bs)) for bs in back], n, bound=None)
    yield "with_backtrack", ratio(tried, n)
    yield "success_after_backtrack", ratio(won, tried)
    if isinstance(step_format, StepChecker):
        legal = [sum(step_format.legal(m.problem, s.text) for s in m.samples) for m in measured]
        yield "legal", ratio([float(count) for count in legal], n)


def read_scores(path: Path) -> Scores:
    """The scores in an eval/scores.json. Raises `RunError`."""
    return read_json(path, _ScoresFile).models
