"""`astro evaluate`: the evaluation of a config alone, without search or training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import RenderableType

from astro.cli import options
from astro.cli.loading import load_run
from astro.cli.progress import progress
from astro.cli.results import outcome, score_table
from astro.cli.tables import print_all, text
from astro.config.run import RunConfig
from astro.events import Listener
from astro.runs.folder import RunFolder
from astro.runs.runner import RunResult, opened
from astro.runs.stages import evaluate as stage
from astro.runs.stages import report


@click.command()
@click.argument("config")
@options.overrides
@click.option("--fresh", is_flag=True, help="Start over; what the run had is removed.")
@click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default="runs",
    show_default=True,
    help="The folder that holds the runs' folders.",
)
def evaluate(config: str, overrides: tuple[str, ...], fresh: bool, runs: Path) -> None:
    """Measure the policy of CONFIG on its evaluation sets, in RUNS/<name>.

    Nothing is searched or trained; a checkpoint is measured as policy.params.model. What was
    stopped goes on from where it was.
    """
    loaded = load_run(config, overrides)
    with progress() as listener:
        result = measure(loaded, runs, fresh, listener)
    print_all(*parts(result), *outcome(result))


def measure(config: RunConfig, runs: Path, fresh: bool, on_event: Listener) -> RunResult:
    """The stages `evaluate` and `report` of the base model alone. Raises `AstroError`."""
    base = config.evaluate.model_copy(update={"models": ("base",)})
    config = config.model_copy(update={"evaluate": base})
    with opened(config, runs=runs, fresh=fresh, on_event=on_event) as run:
        stage.run(run)
        report.run(run)
        scores = stage.read_scores(run.folder.scores)
        return RunResult(run.folder.root, scores, report.examples(run))


def parts(result: RunResult) -> Iterator[RenderableType]:
    """A table for each set, and for its parts by level, subject or whatever the config asks."""
    for part in stage.read_groups(RunFolder(result.folder).scores):
        value = f", {part.key} {part.value}" if part.key else ""
        yield text(f"{part.evaluation_set}{value}: {part.problems} problems", "bold")
        yield score_table(part.models)
