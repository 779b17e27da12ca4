"""What every run of a config takes: one run, the rounds, or the arms of a study."""

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
class Planned:
    """What a run takes once, and how many times it is done: once a seed in a study."""

    title: str
    plan: Plan
    times: int = 1


def planned(
    loaded: Loaded, registry: Registry, test: int | None, assumed: Assumptions
) -> Iterator[Planned]:
    """A run, each round, or each arm of a study and its search at inference."""
    match loaded:
        case Study():
            yield from _arms(loaded, registry, test, assumed)
            yield from _inference(loaded, registry, test, assumed)
        case Rounds():
            yield from _rounds(loaded.config, loaded.limits, registry, test, assumed)
        case Run(config=config):
            counts = counted(config, registry, test)
            yield Planned(config.name, estimate(config, registry, counts, assumed))


def _arms(
    study: Study, registry: Registry, test: int | None, assumed: Assumptions
) -> Iterator[Planned]:
    """The reference, then the others: on as many tokens as it, and on its trees if they share."""
    first, *others = study.arms
    config, times = study.arms[first], len(study.seeds)
    reference = estimate(config, registry, counted(config, registry, test), assumed)
    yield Planned(f"arm {first}", reference, times)
    tokens = max((row.trained_tokens for row in reference.rows if row.stage == "sft"), default=0)
    for arm in others:
        config, shared = study.config(study.seeds[0], arm), study.shares_trees(arm)
        counts = replace(counted(config, registry, test), sft_tokens=tokens)
        stages = STAGES[STAGES.index("linearize") :] if shared else STAGES
        title = f"arm {arm}" + (f", on the trees of {first}" if shared else "")
        yield Planned(title, estimate(config, registry, counts, assumed, stages=stages), times)


def _inference(
    study: Study, registry: Registry, test: int | None, assumed: Assumptions
) -> Iterator[Planned]:
    """The search of each held-out problem. Its budget is the mean tokens of a response of the
    reference, which are no more than a response may have."""
    if study.inference is None:
        return
    limit = study.arms[study.reference].evaluate.max_tokens
    own = {"budget": Budget(tokens=limit), "sft": None, "rl": None}
    config = study.inference.model_copy(update=own)
    trees = test or sum(len(held.problems) for held in held_out(config, ProblemLoader(registry)))
    searched = estimate(config, registry, Counts(trees, 0), assumed, stages=("search",))
    title = f"search at inference, {trees:,} problems at {limit:,} tokens"
    yield Planned(title, searched, len(study.seeds))


def _rounds(
    config: RunConfig,
    rounds: RoundsConfig,
    registry: Registry,
    test: int | None,
    assumed: Assumptions,
) -> Iterator[Planned]:
    """Every round that there may be; all are evaluated on the same problems."""
    turns = [round_config(config, rounds, number, Path()) for number in range(1, rounds.n + 1)]
    counts = counted(turns[0], registry, test)
    for number, turn in enumerate(turns, start=1):
        title = f"{config.name}, round {number} of at most {rounds.n}"
        yield Planned(title, estimate(turn, registry, counts, assumed))


def counted(config: RunConfig, registry: Registry, test: int | None) -> Counts:
    """Only what the config and `test` leave open is loaded. Raises `ProblemError`."""
    load = ProblemLoader(registry)
    trees = config.trees or len(load(config.problems, "train")[0])
    return Counts(trees, test or evaluated(config, load))


def evaluated(config: RunConfig, load: ProblemLoader) -> int:
    """How many problems are evaluated; one of a set with more samples counts as more than one.
    Raises `ProblemError`."""
    samples = sum(len(held.problems) * held.samples for held in held_out(config, load))
    return ceil(samples / config.evaluate.samples)


def total(runs: Sequence[Planned]) -> dict[str, float]:
    """GPU-hours and gigabytes of all runs, each as many times as it is done."""
    return {
        "gpu_hours": sum(run.times * summed(run.plan.gpu_hours) for run in runs),
        "gigabytes": sum(run.times * summed(run.plan.gigabytes) for run in runs),
    }


def summed(totals: Sequence[Total]) -> float:
    return sum(total.value for total in totals)
