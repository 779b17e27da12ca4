"""Stage 5: evaluate every model on held-out problems, by set, level and subject."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from astro.config.run import BASE, Evaluate, RunConfig
from astro.data.own_words import OwnWords
from astro.data.problem_sets import beginnings, with_prompt
from astro.engine.endings import ending
from astro.engine.sampling import sample_responses
from astro.engine.tasks import Task
from astro.engine.votes import answer_classes
from astro.events import Notice
from astro.files import read_json, read_lines
from astro.requests import Program
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
from astro.runs.scoring import (
    EvaluatedProblem,
    Group,
    ScoredProblem,
    Scores,
    failed,
    grouped,
    score,
    scored,
)
from astro.runs.warnings import score_warnings
from astro.types import Problem

STAGE = "evaluate"


@dataclass(frozen=True, slots=True)
class ScoresFile:
    """The content of eval/scores.json.

    Attributes:
        models: Model -> metric -> estimate, over all problems.
        groups: The scores on each set and its parts.
        warnings: What most responses of a model have in common, if it is a flaw.
    """

    models: Scores
    groups: list[Group] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


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
    """Return `config` with the policy's model, as it is, as the only one to evaluate."""
    only = config.evaluate.model_copy(update={"models": (BASE,)})
    return config.model_copy(update={"evaluate": only, "format_sft": None})


def evaluate(run: RunContext) -> None:
    """Sample responses from each model in turn, and score them.

    Responses are read one problem at a time, and only what metrics need of them is kept.

    Raises:
        AstroError: A set cannot be loaded, or too many problems failed.
    """
    measured: dict[str, list[ScoredProblem]] = {}
    scores: Scores = {}
    own_words = OwnWords(run.config.evaluate.reflections, run.config.evaluate.returns)
    for model in run.evaluated():
        path = run.folder.samples(model)
        if not path.exists():
            _sample(run, model)
        rows = read_lines(path, EvaluatedProblem)
        measured[model] = [scored(row, run.step_format(), own_words) for row in rows]
        failures = sum(bool(why) for _, why, _ in run.journal.outcomes(f"{STAGE}/{model}/"))
        scores[model] = score(measured[model]) | failed(len(measured[model]), failures)
    warnings = [
        line for model, figures in scores.items() for line in score_warnings(model, figures)
    ]
    groups = list(grouped(measured, run.config.evaluate))
    run.folder.write_json(run.folder.scores, ScoresFile(scores, groups, warnings))
    for line in warnings:
        run.on_event(Notice(f"warning: {line}"))


def _sample(run: RunContext, model: str) -> None:
    stage = f"{STAGE}/{model}"
    step_format, config = run.step_format(), run.config.evaluate
    tasks = []
    for held in run.held_out():
        prefix = f"{stage}/{held.name}" if config.sets else stage
        how = config.model_copy(update={"samples": held.samples})
        for problem in held.problems:
            shots = model == "base"
            question = with_prompt(problem, step_format, shots=shots)
            ends = beginnings(step_format, shots=shots)
            work = partial(_measure, problem, question, how, held.name, ends)
            tasks.append(Task(f"{prefix}/{problem.id}", work))
    run.run_tasks(stage, "problems", tasks, policy=run.policy(model, STAGE), fields=_fields)
    results = run.results(task.key for task in tasks)
    run.folder.write(run.folder.samples(model), (result + b"\n" for result in results))


def measure(problem: Problem, config: Evaluate) -> Program[EvaluatedProblem]:
    """Sample responses to one problem with the config's settings."""
    respond = partial(sample_responses, problem, max_tokens=config.max_tokens)
    samples = yield from respond(config.samples, temperature=config.temperature)
    greedy = (yield from respond(1, temperature=0.0)) if config.greedy else []
    votes = yield from answer_classes(problem, [sample.verdict for sample in samples])
    return EvaluatedProblem(problem, samples, greedy, votes=votes)


def _measure(
    problem: Problem,
    question: Problem,
    config: Evaluate,
    evaluation_set: str,
    ends: tuple[str, ...],
) -> Program[EvaluatedProblem]:
    measured = yield from ending(measure(question, config), ends)
    return replace(
        measured,
        problem=problem,
        evaluation_set=evaluation_set,
        prompt=question.prompt,
        turns=question.turns,
    )


def _fields(measured: EvaluatedProblem) -> dict[str, float]:
    rewards = [sample.verdict.reward for sample in measured.samples]
    return {"pass@1": sum(rewards) / len(rewards)}


def read_scores(path: Path) -> ScoresFile:
    """Read an eval/scores.json.

    Raises:
        RunError: The file cannot be read.
    """
    return read_json(path, ScoresFile)
