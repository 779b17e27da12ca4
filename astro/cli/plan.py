"""`astro plan`: what a config will take, with the arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

import astro
from astro.cli import options
from astro.cli.output import say_block, say_json
from astro.errors import ProblemError
from astro.planning.estimate import Assumptions, CostLine, Total, short
from astro.planning.experiments import PlannedRun, plan_runs, sum_runs, sum_totals
from astro.plugins.params import validate
from astro.plugins.registry import Registry

_INSTEAD = "to plan without the problems, give --set trees=N and --test N"


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
        loaded = astro.load(config, overrides, registry)
        runs = list(plan_runs(loaded, registry, test, supposed))
    except ProblemError as error:
        raise ProblemError(error.message, _INSTEAD) from None
    if as_json:
        figures = [{"title": r.title, "times": r.times, **asdict(r.plan)} for r in runs]
        report = {"assumed": supposed.model_dump(), "runs": figures, "total": sum_runs(runs)}
        say_json(report)
    else:
        say_block("\n".join(lines(runs, supposed)))


def lines(runs: Sequence[PlannedRun], assumed: Assumptions) -> Iterator[str]:
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
        taken = {what: short(value) for what, value in sum_runs(runs).items()}
        yield f"\nin all: {taken['gpu_hours']} GPU-hours, {taken['gigabytes']} gigabytes"


def _figures(row: CostLine) -> str:
    if not row.requests:
        return f"= {short(row.trained_tokens)} tokens trained on"
    trained = ", trained on" if row.trained_tokens else ""
    return (
        f"= {short(row.requests)} requests, {short(row.samples)} samples, "
        f"{short(row.prompt_tokens)} prompt tokens ({short(row.computed_prompt_tokens)} computed), "
        f"{short(row.generated_tokens)} generated{trained}"
    )


def _totals(title: str, totals: Sequence[Total]) -> Iterator[str]:
    yield f"{title}: {short(sum_totals(totals))}"
    for part in totals:
        yield f"  {short(part.value)} {part.what}: {part.arithmetic}"
