"""`astro export`: write a run in the format of another tool."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from astro.errors import RunError
from astro.runs.folder import RunFolder
from astro.text import one_line
from astro_report.reading import run_config

_FORMATS = ("inspect", "sts", "parquet", "tensorboard")


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--to", type=click.Choice(_FORMATS), required=True, help="The format.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to write; it must be empty or not exist.",
)
def export(run: Path, to: str, out: Path) -> None:
    """Write the run in the folder RUN in the format of another tool.

    inspect: logs for `inspect view`, one per model. sts: a Session-Trace JSONL file per trace and
    response. parquet: tables of nodes, segments and responses. tensorboard: training metrics and
    scores. No response is verified again: verdicts and figures are those of the run.
    """
    folder = RunFolder(run)
    run_config(folder)
    if out.exists() and any(out.iterdir()):
        raise RunError(f"{out} is not empty", "give another folder to --out")
    writer = import_module(f"astro_report.exports.{to}")
    try:
        written = list(writer.write(folder, out))
    except ModuleNotFoundError as error:
        needed = "pyarrow" if to == "parquet" else to
        if error.name is None or error.name.partition(".")[0] != needed:
            raise
        raise RunError(
            f"--to {to} needs {needed}", f"pip install 'astro-reasoner-report[{to}]'"
        ) from None
    except OSError as error:
        raise RunError(f"{out}: cannot write: {error.strerror}") from None
    if not written:
        raise RunError(f"{run} has nothing that can be written as {to} yet")
    count = "1 file" if len(written) == 1 else f"{len(written):,} files"
    click.echo(one_line(f"{count} in {out}/"))
