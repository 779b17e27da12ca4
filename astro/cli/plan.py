"""`astro plan`: what a config will take, with the arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

import astro
from astro.cli import options
from astro.cli.output import say_block, say_json
from astro.errors import ProblemError
from astro.planning.assumptions import Assumptions
from astro.planning.experiments import PlannedRun, Question, plan_runs, sum_runs, sum_totals
from astro.planning.memory import Forecast, memory_figures, memory_lines
from astro.planning.speed import Machine, Supposed
from astro.planning.totals import Total, short
from astro.planning.work import CostLine
from astro.plugins.machine import cores
from astro.plugins.params import validate_options
from astro.plugins.registry import Registry
from astro.rehearsal.machine import this_machine

_DEPENDS = {
    "prompt_tokens": "by the problems, or 200",
    "tokens_per_second": "by the model's size; 2600 for 70B on a GPU",
    "prompt_tokens_per_second": "by the model's size; 6000 for 70B on a GPU",
    "training_tflops": "400 on a GPU",
    "parameters": "by the model's files or name",
}
_INSTEAD = "to plan without the problems, give --set trees=N and --test N"


def assumptions(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each of them. The defaults of some depend on the config."""
    for name, field in reversed(Assumptions.model_fields.items()):
        default = _DEPENDS.get(name, f"{field.default:g}")
        text = f"{field.description}  [default: {default}]"
        command = click.option(f"--{name.replace('_', '-')}", type=float, help=text)(command)
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
    config: str,
    overrides: tuple[str, ...],
    test: int | None,
    as_json: bool,
    **assumed: float | None,
) -> None:
    """Estimate the cost of CONFIG: requests, tokens, hours, disk and memory.

    There are at most as many requests and samples as are shown. Tokens, hours and disk depend on
    the assumptions, each of which is an option. Every figure stands with the product that gives it.
    Memory is foreseen from the model's config.json, if it is on this machine; no weights are read.
    """
    registry = Registry.discover().as_if_installed()
    given = {name: value for name, value in assumed.items() if value is not None}
    validate_options(Assumptions, given)
    question = Question(registry, test, given, Machine(this_machine().gpu, cores()))
    try:
        runs = list(plan_runs(astro.load(config, overrides, registry), question))
    except ProblemError as error:
        raise ProblemError(error.message, _INSTEAD) from None
    forecast = Forecast(registry)
    memory = [(r.title, m) for r in runs for m in forecast.stages(r.config, r.supposed.assumed)]
    if as_json:
        more = {"total": sum_runs(runs), **memory_figures(memory, forecast.notes)}
        figures = [run.figures() for run in runs]
        say_json({"assumed": runs[0].assumed, "runs": figures, **more})
    else:
        say_block("\n".join([*lines(runs), *memory_lines(memory, forecast.notes)]))


def lines(runs: Sequence[PlannedRun]) -> Iterator[str]:
    """The whole estimate as text; the sum over all runs comes last, where there are several.

    What all runs assume stands first, and what one assumes besides stands below its title.
    """
    first = dict(_assumed(runs[0].supposed))
    yield "assumed"
    yield from (f"  {line}" for line in first.values())
    for run in runs:
        yield f"\n{run.title}" + (f", {run.times} times, each" if run.times > 1 else "")
        for name, line in _assumed(run.supposed):
            if line != first[name]:
                yield f"assumed here: {line}"
        for row in run.plan.rows:
            yield f"{row.stage}: {row.what}"
            yield f"  {row.arithmetic}"
            yield f"  {_figures(row)}"
        yield from _totals(run.supposed.hours, run.plan.gpu_hours)
        yield from _totals("hours", [] if run.supposed.cores else run.plan.hours)
        yield from _totals("gigabytes", run.plan.gigabytes)
        yield from run.plan.notes
    if len(runs) > 1:
        taken = {what: short(value) for what, value in sum_runs(runs).items()}
        hours = f"{taken['gpu_hours']} {runs[0].supposed.hours}"
        if not runs[0].supposed.cores:
            hours += f", {taken['hours']} hours one after another"
        yield f"\nin all: about {hours}, {taken['gigabytes']} gigabytes"


def _assumed(supposed: Supposed) -> Iterator[tuple[str, str]]:
    """(name, line) of each assumption."""
    for name, value in supposed.assumed.model_dump().items():
        source = supposed.sources.get(name)
        text = f"{name} {value:.6g}: {Assumptions.model_fields[name].description}"
        yield name, text + (f" ({source})" if source else "")


def _figures(row: CostLine) -> str:
    if not row.requests:
        return f"= about {short(row.trained_tokens)} tokens trained on"
    trained = ", trained on" if row.trained_tokens else ""
    return (
        f"= {'about' if row.likely else 'at most'} {short(row.requests)} requests, "
        f"{short(row.samples)} samples; about {short(row.prompt_tokens)} prompt tokens "
        f"({short(row.computed_prompt_tokens)} computed), "
        f"{short(row.generated_tokens)} generated{trained}"
    )


def _totals(title: str, totals: Sequence[Total]) -> Iterator[str]:
    if totals:
        yield f"{title}: about {short(sum_totals(totals))}"
    for part in totals:
        yield f"  {short(part.value)} {part.what}: {part.arithmetic}"
