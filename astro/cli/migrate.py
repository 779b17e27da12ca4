"""`astro migrate`: the runs of an older release, rewritten for the next one."""

from __future__ import annotations

from pathlib import Path

import click

from astro.cli.output import say
from astro.formats import FORMAT
from astro.runs.migration import migrate_runs


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
def migrate(run: Path) -> None:
    """Bring the config.yaml of every run in the folder RUN to the current keys and format.

    RUN is the folder of a run, a study or rounds. All other files are read as they are. This
    release reads older configs too; the next one may not know a key that was renamed.
    """
    for done in migrate_runs(run):
        what = f"config.yaml is now of format {FORMAT}" if done.rewritten else "nothing to do"
        say(f"{done.folder}: {what}")
        for old, new in done.renamed:
            say(f"  {old} is now called {new}")
