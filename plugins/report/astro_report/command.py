"""`astro report`: write the report of a run."""

from __future__ import annotations

from pathlib import Path

import click

from astro.plugins.registry import Registry
from astro.text import one_line
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

    RUN may also be the folder of a study or of rounds.
    """
    written = write_report(run, Registry.discover(), out or run / NAME)
    click.echo(one_line(f"The report is in {written[0]}"))
