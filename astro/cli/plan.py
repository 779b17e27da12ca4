"""`astro plan`: what a config will take, with the arithmetic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from math import ceil
from typing import Any

import click

from astro.cli import options
from astro.cli.estimate import Assumptions, Counts, Plan, Row, Total, estimate, short
from astro.config import RunConfig, load_config
from astro.errors import ProblemError
from astro.interfaces import ProblemSource
from astro.params import validate
from astro.pipeline.problem_sets import held_out
from astro.registry import Registry
from astro.study import is_study, load_study
from astro.text import plain


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
@click.option("--test", type=click.IntRange(1), help="Problems evaluated, instead of loading them.")
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
    estimates = [
        (title, estimate(run, registry, counted(run, registry, test, grown), supposed))
        for title, run, grown in runs(config, overrides, registry)
    ]
    if as_json:
        figures = [{"title": title, **asdict(estimated)} for title, estimated in estimates]
        click.echo(json.dumps({"assumed": supposed.model_dump(), "runs": figures}, indent=2))
    else:
        click.echo(plain("\n".join(lines(estimates, supposed))))


def runs(
    path: str, overrides: tuple[str, ...], registry: Registry
) -> Iterator[tuple[str, RunConfig, bool]]:
    """(title, config, whether it grows its trees) of a run, a round, or each arm of a study."""
    if not is_study(path):
        config = load_config(path, overrides, registry)
        times = f", {config.rounds.n} rounds at most, each" if config.rounds else ""
        yield f"{config.name}{times}", config, True
        return
    study = load_study(path, overrides, registry)
    for arm, config in study.arms.items():
        grown = arm == study.reference or not study.shares_trees(arm)
        times = f", {len(study.seeds)} times" + (
            "" if grown else f", on the trees of {study.reference}"
        )
        yield f"arm {arm}{times}", config, grown


def counted(config: RunConfig, registry: Registry, test: int | None, grown: bool) -> Counts:
    """Only what the config and `test` leave open is loaded. Raises `ProblemError`."""
    trees = config.trees or count(config, registry, "train")
    return Counts(trees, test or evaluated(config, registry), grown)


def evaluated(config: RunConfig, registry: Registry) -> int:
    """How many problems are evaluated; one of a set with more samples counts as more than one.
    Raises `ProblemError`."""
    common = config.evaluate
    if not common.sets:
        return count(config, registry, common.split)
    try:
        sets = held_out(config, registry)
    except ProblemError as error:
        raise ProblemError(error.message, "to plan without the problems, give --test N") from None
    return ceil(sum(len(held.problems) * held.samples for held in sets) / common.samples)


def count(config: RunConfig, registry: Registry, split: str) -> int:
    """How many problems a split has. Raises `ProblemError`."""
    source: ProblemSource = registry.build("problems", config.problems)
    try:
        return len(source.load(split))
    except ProblemError as error:
        raise ProblemError(
            error.message, "to plan without the problems, give --set trees=N and --test N"
        ) from None


def lines(estimates: Sequence[tuple[str, Plan]], assumed: Assumptions) -> Iterator[str]:
    """The whole estimate as text."""
    yield "assumed"
    for name, value in assumed.model_dump().items():
        yield f"  {name} {value:g}: {Assumptions.model_fields[name].description}"
    for title, estimated in estimates:
        yield f"\n{title}"
        for row in estimated.rows:
            yield f"{row.stage}: {row.what}"
            yield f"  {row.arithmetic}"
            yield f"  {_figures(row)}"
        yield from _totals("GPU-hours", estimated.gpu_hours)
        yield from _totals("gigabytes", estimated.gigabytes)
        yield from estimated.notes


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
    yield f"{title}: {short(sum(total.value for total in totals))}"
    for total in totals:
        yield f"  {short(total.value)} {total.what}: {total.arithmetic}"
