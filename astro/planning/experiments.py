"""Estimate the cost of everything that a config file describes: a run, rounds, or a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import Any

from astro.config.run import STAGES, RoundsConfig, RunConfig
from astro.data.problem_sets import HeldOut, ProblemLoader, held_out, with_prompt
from astro.engine.budget import Budget
from astro.experiments.loading import Loaded
from astro.experiments.rounds import Rounds, round_config
from astro.experiments.searches import Comparison
from astro.experiments.study import Study
from astro.planning.estimate import Plan, estimate
from astro.planning.speed import Machine, Supposed, suppose
from astro.planning.totals import Total
from astro.planning.work import Counts
from astro.plugins.registry import Registry
from astro.runs.runner import Run
from astro.types import Problem


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """The plan of a run, what it assumes, and its repetitions: one per seed in a study."""

    title: str
    plan: Plan
    supposed: Supposed
    config: RunConfig
    times: int = 1

    @property
    def assumed(self) -> dict[str, float]:
        """The assumptions by their names."""
        return self.supposed.assumed.model_dump()

    def figures(self) -> dict[str, Any]:
        """The plan as JSON-safe data."""
        own = {"title": self.title, "times": self.times}
        return {**own, **asdict(self.plan), "assumed": self.assumed}


@dataclass(frozen=True, slots=True)
class Question:
    """What a plan is made for.

    Attributes:
        registry: The plugins, whose engines need not be installed.
        test: The number of evaluated problems; None to load and count them.
        given: The assumptions that the user gave.
        machine: The machine that a small model may run on.
    """

    registry: Registry
    test: int | None
    given: Mapping[str, float]
    machine: Machine

    def planned(
        self, title: str, config: RunConfig, counts: Counts, *, times: int = 1, **options: Any
    ) -> PlannedRun:
        """The plan of a run; the options are those of `estimate`."""
        supposed = suppose(
            config, self.registry, self.given, self.machine, counts.prompt_characters
        )
        plan = estimate(config, self.registry, counts, supposed.assumed, **options)
        if "model" not in config.policy.params:
            note = f"no hours: policy {config.policy.name} has no model, so its tokens take no time"
            plan = replace(plan, gpu_hours=[], hours=[], notes=[*plan.notes, note])
        return PlannedRun(title, plan, supposed, config, times)

    def count(self, config: RunConfig) -> Counts:
        """The numbers of trees and evaluated problems. Problems are loaded only to count them."""
        load = ProblemLoader(self.registry, config.verifier)
        train = [] if config.trees else load(config.problems, "train")[0]
        sets = [] if self.test else held_out(config, load)
        problems = [*train, *(problem for held in sets for problem in held.problems)]
        evaluated = self.test or count_evaluated(config, sets)
        taught = config.format_sft.problems if config.format_sft else 0
        trees = config.trees or max(0, len(train) - taught)
        return Counts(trees, evaluated, 0.0, self._length(config, problems))

    def _length(self, config: RunConfig, problems: Sequence[Problem]) -> float:
        """The mean number of characters of the loaded problems' prompts; 0 without problems."""
        if not problems:
            return 0.0
        step_format = self.registry.build("step_format", config.step_format)
        prompts = (with_prompt(problem, step_format, shots=True).prompt for problem in problems)
        return fmean(map(len, prompts))


def plan_runs(loaded: Loaded, question: Question) -> Iterator[PlannedRun]:
    """The plan of a run, of each round, arm of a study and its search at inference, or search.

    Raises:
        ProblemError: problems that have to be counted cannot be loaded.
    """
    match loaded:
        case Study():
            yield from _arms(loaded, question)
            yield from _inference(loaded, question)
        case Comparison():
            yield from _searches(loaded, question)
        case Rounds():
            yield from _rounds(loaded.config, loaded.limits, question)
        case Run(config=config):
            yield question.planned(config.name, config, question.count(config))


def _arms(study: Study, question: Question) -> Iterator[PlannedRun]:
    """The reference arm, then the others: with as many SFT tokens, and with its trees if shared."""
    first, *others = study.arms
    config, times = study.arms[first], len(study.seeds)
    reference = question.planned(f"arm {first}", config, question.count(config), times=times)
    yield reference
    rows = reference.plan.rows
    tokens = max((row.trained_tokens for row in rows if row.stage == "sft"), default=0)
    for arm in others:
        config, shared = study.config(study.seeds[0], arm), study.shares_trees(arm)
        counts = replace(question.count(config), sft_tokens=tokens)
        stages = STAGES[STAGES.index("linearize") :] if shared else STAGES
        title = f"arm {arm}" + (f", on the trees of {first}" if shared else "")
        yield question.planned(title, config, counts, times=times, stages=stages)


def _inference(study: Study, question: Question) -> Iterator[PlannedRun]:
    """The search of each held-out problem.

    Its budget is the mean length of the reference arm's responses, here taken to be their limit.
    """
    if study.inference is None:
        return
    limit = study.arms[study.reference].evaluate.max_tokens
    own = {"budget": Budget(tokens=limit), "sft": None, "rl": None}
    config = study.inference.model_copy(update=own)
    loader = ProblemLoader(question.registry, config.verifier)
    sets = [] if question.test else held_out(config, loader)
    trees = question.test or sum(len(held.problems) for held in sets)
    title = f"search at inference, {trees:,} problems at {limit:,} tokens"
    times = len(study.seeds)
    yield question.planned(title, config, Counts(trees, 0), times=times, stages=("search",))


def _searches(comparison: Comparison, question: Question) -> Iterator[PlannedRun]:
    """Each search of the held-out problems at each budget."""
    first, *_ = comparison.searches.values()
    loader = ProblemLoader(question.registry, first.verifier)
    sets = [] if question.test else held_out(first, loader)
    problems = question.test or sum(len(held.problems) for held in sets)
    for name, config in comparison.searches.items():
        for budget in comparison.budgets:
            limits = config.budget.model_copy(update={"tokens": budget})
            limited = config.model_copy(update={"budget": limits})
            title = f"search {name}, {problems:,} problems at {budget:,} tokens"
            times, counts = len(comparison.seeds), Counts(problems, 0)
            yield question.planned(title, limited, counts, times=times, stages=("search",))


def _rounds(config: RunConfig, rounds: RoundsConfig, question: Question) -> Iterator[PlannedRun]:
    """All rounds that there can be. They are evaluated on the same problems."""
    turns = [round_config(config, rounds, number, Path()) for number in range(1, rounds.n + 1)]
    counts = question.count(turns[0])
    for number, turn in enumerate(turns, start=1):
        title = f"{config.name}, round {number} of at most {rounds.n}"
        yield question.planned(title, turn, counts)


def count_evaluated(config: RunConfig, sets: Sequence[HeldOut]) -> int:
    """The number of evaluated problems, in units of `evaluate.samples` samples.

    A problem of a set with more samples counts as more than one.
    """
    samples = sum(len(held.problems) * held.samples for held in sets)
    return ceil(samples / config.evaluate.samples)


def sum_runs(runs: Sequence[PlannedRun]) -> dict[str, float]:
    """The hours and gigabytes of all runs, with their repetitions."""
    return {
        "hours": sum(run.times * sum_totals(run.plan.hours) for run in runs),
        "gpu_hours": sum(run.times * sum_totals(run.plan.gpu_hours) for run in runs),
        "gigabytes": sum(run.times * sum_totals(run.plan.gigabytes) for run in runs),
    }


def sum_totals(totals: Sequence[Total]) -> float:
    """The sum of the values."""
    return sum(total.value for total in totals)
