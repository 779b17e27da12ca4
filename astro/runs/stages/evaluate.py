"""Stage 5: evaluate every model on held-out problems, by set, level and subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import fmean

from astro.config.run import BASE, Evaluate, RunConfig
from astro.data.problem_sets import with_prompt
from astro.engine.sampling import Sample, sample_responses
from astro.engine.tasks import Task
from astro.files import read_json, read_lines
from astro.interfaces import StepChecker, StepFormat
from astro.metrics import Estimate, majority_at_k, mean, pass_at_k, ratio
from astro.requests import Program
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
from astro.types import FinishReason, Problem

STAGE = "evaluate"
Figures = dict[str, Estimate]
Scores = dict[str, Figures]


@dataclass(frozen=True, slots=True)
class EvaluatedProblem:
    """A problem with a model's responses.

    Attributes:
        problem: The problem.
        samples: The sampled responses.
        greedy: The greedy response, if the config asks for one; at most one element.
        evaluation_set: The name of the evaluation set.
        prompt: The user message that was sent.
    """

    problem: Problem
    samples: list[Sample]
    greedy: list[Sample]
    evaluation_set: str = ""
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Scores on a part of an evaluation set.

    Attributes:
        evaluation_set: The name of the evaluation set.
        key: The key of the problems' metadata by which the set is divided; empty for no division.
        value: The value that the problems have under `key`.
        problems: The number of problems.
        models: Model -> metric -> estimate, for the metrics of accuracy.
    """

    evaluation_set: str
    key: str
    value: str
    problems: int
    models: Scores


@dataclass(frozen=True, slots=True)
class _ScoresFile:
    models: Scores
    groups: list[Group] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EvaluateStage:
    """Writes eval/<model>.jsonl for every evaluated model, and eval/scores.json."""

    params: None
    name: str
    config: RunConfig
    needs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def outputs(self, folder: Path) -> list[Path]:
        """The scores."""
        return [RunFolder(folder).scores]

    def run(self, run: RunContext) -> None:
        """Sample responses from each model in turn, and score them."""
        with run.started(STAGE, len(run.evaluated()), "models"):
            evaluate(run)


def base_alone(config: RunConfig) -> RunConfig:
    """Return `config` with the base model as the only one to evaluate."""
    only = config.evaluate.model_copy(update={"models": (BASE,)})
    return config.model_copy(update={"evaluate": only})


def evaluate(run: RunContext) -> None:
    """Sample responses from each model in turn, and score them.

    Raises:
        AstroError: A set cannot be loaded, or too many problems failed.
    """
    measured: dict[str, list[EvaluatedProblem]] = {}
    scores: Scores = {}
    for model in run.evaluated():
        if not run.folder.samples(model).exists():
            _sample(run, model)
        measured[model] = found = list(read_lines(run.folder.samples(model), EvaluatedProblem))
        scores[model] = score(found, run.step_format()) | _failed(run, model, len(found))
    run.folder.write_json(
        run.folder.scores, _ScoresFile(scores, list(grouped(measured, run.config.evaluate)))
    )


def _sample(run: RunContext, model: str) -> None:
    stage = f"{STAGE}/{model}"
    step_format, config = run.step_format(), run.config.evaluate
    tasks = []
    for held in run.held_out():
        prefix = f"{stage}/{held.name}" if config.sets else stage
        how = config.model_copy(update={"samples": held.samples})
        for problem in held.problems:
            question = with_prompt(problem, step_format, shots=model == "base")
            work = partial(_measure, problem, question, how, held.name)
            tasks.append(Task(f"{prefix}/{problem.id}", work))
    run.run_tasks(stage, "problems", tasks, policy=run.policy(model), fields=_fields)
    results = run.results(task.key for task in tasks)
    run.folder.write(run.folder.samples(model), (result + b"\n" for result in results))


def measure(problem: Problem, config: Evaluate) -> Program[EvaluatedProblem]:
    """Sample responses to one problem with the config's settings."""
    respond = partial(sample_responses, problem, max_tokens=config.max_tokens)
    samples = yield from respond(config.samples, temperature=config.temperature)
    greedy = (yield from respond(1, temperature=0.0)) if config.greedy else []
    return EvaluatedProblem(problem, samples, greedy)


def _measure(
    problem: Problem, question: Problem, config: Evaluate, evaluation_set: str
) -> Program[EvaluatedProblem]:
    measured = yield from measure(question, config)
    return replace(measured, problem=problem, evaluation_set=evaluation_set, prompt=question.prompt)


def _failed(run: RunContext, model: str, measured: int) -> Figures:
    """The share of failed problems, which no other metric includes, if there are any."""
    failures = sum(bool(why) for _, why, _ in run.journal.outcomes(f"{STAGE}/{model}/"))
    return _defined([("failed", mean([0.0] * measured + [1.0] * failures))] if failures else [])


def _fields(measured: EvaluatedProblem) -> dict[str, float]:
    rewards = [sample.verdict.reward for sample in measured.samples]
    return {"pass@1": sum(rewards) / len(rewards)}


def grouped(
    measured: Mapping[str, Sequence[EvaluatedProblem]], config: Evaluate
) -> Iterator[Group]:
    """Yield the scores on each of `config.sets`, and on its parts by each key of `config.by`.

    Parts are ordered by value. Values that are neither text nor numbers are ignored.
    """
    parts: dict[tuple[str, str, str], dict[str, list[EvaluatedProblem]]] = {}
    for model, found in measured.items():
        for m in found:
            whole = [("", "")] if config.sets else []
            for key, value in (*whole, *((key, m.problem.metadata.get(key)) for key in config.by)):
                if isinstance(value, str | int | float):
                    part = parts.setdefault((m.evaluation_set, key, str(value)), {})
                    part.setdefault(model, []).append(m)
    for place, models in sorted(parts.items(), key=lambda part: part[0]):
        scores = {model: _defined(_accuracy(found)) for model, found in models.items()}
        yield Group(*place, max(map(len, models.values())), scores)


def score(measured: list[EvaluatedProblem], step_format: StepFormat) -> Figures:
    """Return every metric that is defined for these samples, by name."""
    return _defined(_accuracy(measured)) | _defined(_behavior(measured, step_format))


def _defined(figures: Iterable[tuple[str, Estimate | None]]) -> Figures:
    return {name: figure for name, figure in dict(figures).items() if figure is not None}


def _accuracy(measured: list[EvaluatedProblem]) -> Iterator[tuple[str, Estimate | None]]:
    counts = [(len(m.samples), sum(s.verdict.correct for s in m.samples)) for m in measured]
    k = min((n for n, _ in counts), default=0)
    yield "pass@1", mean([c / n for n, c in counts])
    yield "greedy", mean([m.greedy[0].verdict.reward for m in measured if m.greedy])
    yield f"pass@{k}", mean([pass_at_k(n, c, k) for n, c in counts])
    yield f"maj@{k}", mean([majority(m, k) for m in measured])


def majority(measured: EvaluatedProblem, n: int) -> float:
    """Return maj@n (majority vote), averaged over all cyclic windows of n consecutive samples."""
    verdicts = [sample.verdict for sample in measured.samples]
    rows = [(verdicts * 2)[i : i + n] for i in range(len(verdicts))]
    return fmean(majority_at_k([v.answer for v in row], [v.correct for v in row]) for row in rows)


def _behavior(
    measured: list[EvaluatedProblem], step_format: StepFormat
) -> Iterator[tuple[str, Estimate | None]]:
    n = [float(len(m.samples)) for m in measured]
    lengths = [float(sum(s.tokens for s in m.samples)) for m in measured]
    back = [[step_format.backtracks(s.text) for s in m.samples] for m in measured]
    tried = [float(sum(b > 0 for b in bs)) for bs in back]
    won = [
        float(sum(s.verdict.correct for s, b in zip(m.samples, bs, strict=True) if b))
        for m, bs in zip(measured, back, strict=True)
    ]
    cut = [sum(s.finish_reason is FinishReason.LENGTH for s in m.samples) for m in measured]
    yield "response_length", ratio(lengths, n, bound=None)
    yield "truncated", ratio(cut, n)
    yield "backtracks", ratio([float(sum(bs)) for bs in back], n, bound=None)
    yield "with_backtrack", ratio(tried, n)
    yield "success_after_backtrack", ratio(won, tried)
    if isinstance(step_format, StepChecker):
        legal = [sum(all_legal(step_format, m.problem, s) for s in m.samples) for m in measured]
        yield "legal", ratio(legal, n)


def all_legal(checker: StepChecker, problem: Problem, sample: Sample) -> bool:
    """Return whether every step is legal; a step cut off by the token limit is ignored."""
    return checker.legal(problem, sample.whole_steps(checker.stop))


def read_scores(path: Path) -> Scores:
    """Return the scores in an eval/scores.json.

    Raises:
        RunError: The file cannot be read.
    """
    return read_json(path, _ScoresFile).models


def read_groups(path: Path) -> list[Group]:
    """Return the groups in an eval/scores.json.

    Raises:
        RunError: The file cannot be read.
    """
    return read_json(path, _ScoresFile).groups
