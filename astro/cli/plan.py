"""`astro plan`: what a config will take, with the arithmetic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import click

from astro.binding import Budget
from astro.cli import options
from astro.cli.estimate import Assumptions, Counts, Plan, Row, Total, estimate, short
from astro.config import Rounds, RunConfig, load_config
from astro.errors import ProblemError
from astro.params import validate
from astro.pipeline import STAGES
from astro.pipeline.problem_sets import held_out, load
from astro.pipeline.rounds import round_config
from astro.registry import Registry
from astro.study import Study, is_study, load_study
from astro.text import plain

_INSTEAD = "to plan without the problems, give --set trees=N and --test N"


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run takes once, and how many times it is done: once a seed in a study."""

    title: str
    plan: Plan
    times: int = 1


def assumptions(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each of them."""
    for name, field in reversed(Assumptions.model_fields.items()):
        flag, text = f"--{name.replace('_', '-')}", field.description
        option = click.option(flag, type=float, default=field.default, show_default=True, help=text)
        command = option(command)
    return command


@click.command()
@click.argument("config")
@options.overrides
@click.option(
    "--test",
    type=click.IntRange(1),
    help="Problems evaluated, of all sets together, instead of loading them.",
)
@assumptions
@options.as_json
def plan(
    config: str, overrides: tuple[str, ...], test: int | None, as_json: bool, **assumed: float
) -> None:
    """Estimate the requests, tokens, GPU-hours and disk of CONFIG, at most. Loads no engine.

    Every figure stands with the product that gives it; every assumption is an option.
    """
    registry = Registry.discover().as_if_installed()
    supposed = validate(Assumptions, assumed)
    try:
        runs = list(planned(config, overrides, registry, test, supposed))
    except ProblemError as error:
        raise ProblemError(error.message, _INSTEAD) from None
    if as_json:
        figures = [{"title": r.title, "times": r.times, **asdict(r.plan)} for r in runs]
        report = {"assumed": supposed.model_dump(), "runs": figures, "total": total(runs)}
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo(plain("\n".join(lines(runs, supposed))))


def planned(
    path: str,
    overrides: tuple[str, ...],
    registry: Registry,
    test: int | None,
    assumed: Assumptions,
) -> Iterator[Planned]:
    """A run, each round, or each arm of a study and its search at inference."""
    if is_study(path):
        study = load_study(path, overrides, registry)
        yield from _arms(study, registry, test, assumed)
        yield from _inference(study, registry, test, assumed)
        return
    config = load_config(path, overrides, registry)
    if config.rounds:
        yield from _rounds(config, config.rounds, registry, test, assumed)
        return
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
    trees = test or sum(len(held.problems) for held in held_out(config, registry))
    searched = estimate(config, registry, Counts(trees, 0), assumed, stages=("search",))
    title = f"search at inference, {trees:,} problems at {limit:,} tokens"
    yield Planned(title, searched, len(study.seeds))


def _rounds(
    config: RunConfig, rounds: Rounds, registry: Registry, test: int | None, assumed: Assumptions
) -> Iterator[Planned]:
    """Every round that there may be; all are evaluated on the same problems."""
    turns = [round_config(config, rounds, number, Path()) for number in range(1, rounds.n + 1)]
    counts = counted(turns[0], registry, test)
    for number, turn in enumerate(turns, start=1):
        title = f"{config.name}, round {number} of at most {rounds.n}"
        yield Planned(title, estimate(turn, registry, counts, assumed))


def counted(config: RunConfig, registry: Registry, test: int | None) -> Counts:
    """Only what the config and `test` leave open is loaded. Raises `ProblemError`."""
    trees = config.trees or len(load(registry, config.problems, "train")[0])
    return Counts(trees, test or evaluated(config, registry))


def evaluated(config: RunConfig, registry: Registry) -> int:
    """How many problems are evaluated; one of a set with more samples counts as more than one.
    Raises `ProblemError`."""
    samples = sum(len(held.problems) * held.samples for held in held_out(config, registry))
    return ceil(samples / config.evaluate.samples)


def total(runs: Sequence[Planned]) -> dict[str, float]:
    """GPU-hours and gigabytes of all runs, each as many times as it is done."""
    return {
        "gpu_hours": sum(run.times * _sum(run.plan.gpu_hours) for run in runs),
        "gigabytes": sum(run.times * _sum(run.plan.gigabytes) for run in runs),
    }


def _sum(totals: Sequence[Total]) -> float:
    return sum(total.value for total in totals)


def lines(runs: Sequence[Planned], assumed: Assumptions) -> Iterator[str]:
    """The whole estimate as text; the sum over all runs comes last, where there are several."""
    yield "assumed"
    for name, value in assumed.model_dump().items():
        yield f"  {name} {value:g}: {Assumptions.model_fields[name].description}"
    for run in runs:
        yield f"\n{run.title}" + (f", {run.times} times, each" if run.times > 1 else "")
        for row in run.plan.rows:
            yield f"{row.stage}: {row.what}"
            yield f"  {row.arithmetic}"
            yield f"  {_figures(row)}"
        yield from _totals("GPU-hours", run.plan.gpu_hours)
        yield from _totals("gigabytes", run.plan.gigabytes)
        yield from run.plan.notes
    if len(runs) > 1:
        taken = {what: short(value) for what, value in total(runs).items()}
        yield f"\nin all: {taken['gpu_hours']} GPU-hours, {taken['gigabytes']} gigabytes"


def _figures(row: Row) -> str:
    if not row.requests:
        return f"= {short(row.trained_tokens)} tokens trained on"
    trained = ", trained on" if row.trained_tokens else ""
    return (
        f"= {short(row.requests)} requests, {short(row.samples)} samples, "
        f"{short(row.prompt_tokens)} prompt tokens ({short(row.computed_prompt_tokens)} computed), "
        f"{short(row.generated_tokens)} generated{trained}"
    )


def _totals(title: str, totals: Sequence[Total]) -> Iterator[str]:
    yield f"{title}: {short(_sum(totals))}"
    for total in totals:
        yield f"  {short(total.value)} {total.what}: {total.arithmetic}"
