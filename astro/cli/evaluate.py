"""`astro evaluate`: only the evaluation of a config, without search or training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import RenderableType

import astro
from astro.cli import options
from astro.cli.output import print_all, say_json
from astro.cli.progress import headed, progress
from astro.cli.results import Fitting, outcome, score_lines, score_table
from astro.cli.tables import text
from astro.experiments.loading import load_run
from astro.runs.folder import RunFolder
from astro.runs.runner import RunResult
from astro.runs.stages.evaluate import base_alone, read_scores
from astro.runs.stages.report import policy_title

STAGES = ("evaluate", "report")
UNUSED = ("search", "value", "linearizer", "control")
"""Keys of the config that need not be there."""


@click.command()
@click.argument("config")
@options.overrides
@options.fresh
@options.runs
@options.as_json
@options.verbosity
def evaluate(
    config: str, overrides: tuple[str, ...], fresh: bool, runs: Path, as_json: bool
) -> None:
    """Evaluate the policy of CONFIG on its evaluation sets, in RUNS/<name>.

    Nothing is searched or trained. To evaluate a checkpoint, set policy.params.model. An evaluation
    that was interrupted is resumed.
    """
    loaded = base_alone(load_run(config, overrides, unused=UNUSED))
    with progress() as listener:
        told = headed(listener, runs / loaded.name, [loaded])
        result = astro.run(loaded, runs=runs, fresh=fresh, stages=STAGES, on_event=told)
    if as_json:
        say_json(result)
        return
    title = policy_title(loaded)
    print_all(*parts(result, title), *outcome(result, title))


def parts(result: RunResult, base: str) -> Iterator[RenderableType]:
    """A table for each set, and for its parts by the metadata keys that the config names."""
    for part in read_scores(RunFolder(result.folder).scores).groups:
        value = f", {part.key} {part.value}" if part.key else ""
        yield text(f"{part.evaluation_set}{value}: {part.problems} problems", "bold")
        yield Fitting(score_table(part.models, base), score_lines(part.models, base))
