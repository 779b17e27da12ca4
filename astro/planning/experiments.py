"""Estimate the cost of everything that a config file describes: a run, rounds, or a study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from astro.config.run import STAGES, RoundsConfig, RunConfig
from astro.data.problem_sets import ProblemLoader, held_out
from astro.engine.budget import Budget
from astro.experiments.loading import Loaded
from astro.experiments.rounds import Rounds, round_config
from astro.experiments.study import Study
from astro.planning.estimate import Assumptions, Counts, Plan, Total, estimate
from astro.plugins.registry import Registry
from astro.runs.runner import Run


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """The plan of a run, and how often it is repeated: once per seed in a study."""

    title: str
    plan: Plan
    times: int = 1


def plan_runs(
    loaded: Loaded, registry: Registry, test: int | None, assumed: Assumptions
) -> Iterator[PlannedRun]:
    """The plan of a run, of each round, or of each arm of a study and its search at inference.

    Args:
        loaded: What the config file describes.
        registry: The plugins, whose engines need not be installed.
        test: The number of evaluated problems; None to load and count them.
        assumed: What the config does not say.

    Raises:
        ProblemError: problems that have to be counted cannot be loaded.
    """
    match loaded:
        case Study():
            yield from _arms(loaded, registry, test, assumed)
            yield from _inference(loaded, registry, test, assumed)
        case Rounds():
            yield from _rounds(loaded.config, loaded.limits, registry, test, assumed)
        case Run(config=config):
            counts = count(config, registry, test)
            yield PlannedRun(config.name, estimate(config, registry, counts, assumed))


def _arms(
    study: Study, registry: Registry, test: int | None, assumed: Assumptions
) -> Iterator[PlannedRun]:
    """The reference arm, then the others: with as many SFT tokens, and with its trees if shared."""
    first, *others = study.arms
    config, times = study.arms[first], len(study.seeds)
    reference = estimate(config, registry, count(config, registry, test), assumed)
    yield PlannedRun(f"arm {first}", reference, times)
    tokens = max((row.trained_tokens for row in reference.rows if row.stage == "sft"), default=0)
    for arm in others:
        config, shared = study.config(study.seeds[0], arm), study.shares_trees(arm)
        counts = replace(count(config, registry, test), sft_tokens=tokens)
        stages = STAGES[STAGES.index("linearize") :] if shared else STAGES
        title = f"arm {arm}" + (f", on the trees of {first}" if shared else "")
        yield PlannedRun(title, estimate(config, registry, counts, assumed, stages=stages), times)


def _inference(
    study: Study, registry: Registry, test: int | None, assumed: Assumptions
) -> Iterator[PlannedRun]:
    """The search of each held-out problem.

    Its budget is the mean length of the reference arm's responses, here taken to be their limit.
    """
    if study.inference is None:
        return
    limit = study.arms[study.reference].evaluate.max_tokens
    own = {"budget": Budget(tokens=limit), "sft": None, "rl": None}
    config = study.inference.model_copy(update=own)
    trees = test or sum(len(held.problems) for held in held_out(config, ProblemLoader(registry)))
    searched = estimate(config, registry, Counts(trees, 0), assumed, stages=("search",))
    title = f"search at inference, {trees:,} problems at {limit:,} tokens"
    yield PlannedRun(title, searched, len(study.seeds))


def _rounds(
    config: RunConfig,
    rounds: RoundsConfig,
    registry: Registry,
    test: int | None,
    assumed: Assumptions,
) -> Iterator[PlannedRun]:
    """All rounds that there can be. They are evaluated on the same problems."""
    turns = [round_config(config, rounds, number, Path()) for number in range(1, rounds.n + 1)]
    counts = count(turns[0], registry, test)
    for number, turn in enumerate(turns, start=1):
        title = f"{config.name}, round {number} of at most {rounds.n}"
        yield PlannedRun(title, estimate(turn, registry, counts, assumed))


def count(config: RunConfig, registry: Registry, test: int | None) -> Counts:
    """The numbers of trees and evaluated problems. Problems are loaded only to count them."""
    load = ProblemLoader(registry)
    trees = config.trees or len(load(config.problems, "train")[0])
    return Counts(trees, test or count_evaluated(config, load))


def count_evaluated(config: RunConfig, load: ProblemLoader) -> int:
    """The number of evaluated problems, in units of `evaluate.samples` samples.

    A problem of a set with more samples counts as more than one.
    """
    samples = sum(len(held.problems) * held.samples for held in held_out(config, load))
    return ceil(samples / config.evaluate.samples)


def sum_runs(runs: Sequence[PlannedRun]) -> dict[str, float]:
    """The GPU-hours and gigabytes of all runs, with their repetitions."""
    return {
        "gpu_hours": sum(run.times * sum_totals(run.plan.gpu_hours) for run in runs),
        "gigabytes": sum(run.times * sum_totals(run.plan.gigabytes) for run in runs),
    }


def sum_totals(totals: Sequence[Total]) -> float:
    """The sum of the values."""
    return sum(total.value for total in totals)
