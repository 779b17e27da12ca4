"""`astro report`: write the report of a run, a study or rounds."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from astro.errors import RunError
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.text import one_line
from astro_report.experiments import is_experiment
from astro_report.reading import run_config
from astro_report.report import NAME, write_report


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; RUN/report.html if it is not given.",
)
def report(run: Path, out: Path | None) -> None:
    """Write a report of the run in the folder RUN: one HTML file, to be opened in a browser.

    RUN may also be the folder of a study or of rounds. A run that has not finished writes
    report.html itself when it ends, so give it another FILE with --out.
    """
    folder = RunFolder(run)
    if not is_experiment(run):
        run_config(folder)
    try:
        with nullcontext() if out else folder.locked():
            if not out and folder.config.exists() and not folder.report.exists():
                raise RunError(f"the run in {run} has not finished", "give a file with --out FILE")
            written = write_report(run, Registry.discover(), out or run / NAME)
            if not out and not is_experiment(run):
                folder.manifest.record(written[:1])
    except OSError as error:
        raise RunError(f"{error.filename or out or run}: {error.strerror or error}") from error
    click.echo(one_line(f"The report is in {written[0]}"))
