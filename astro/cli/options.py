"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

VERBOSITY = f"{__name__}.verbosity"
"""The key of a context's `meta` with how much progress is shown: -1, 0 or 1."""

overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY.PATH=VALUE",
    help="Override a key of the config; may be repeated. The value is read as YAML.",
)
params = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a param of the plugin; may be repeated. The value is read as YAML.",
)
runs = click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default="runs",
    show_default=True,
    help="The folder that contains the folders of runs.",
)
fresh = click.option("--fresh", is_flag=True, help="Start over; the files of the run are deleted.")
workers = click.option("--workers", type=int, default=1, show_default=True, help="Processes.")
timeout = click.option(
    "--timeout", type=float, default=1.0, show_default=True, help="Seconds allowed per verdict."
)
memory_mb = click.option(
    "--memory-mb", type=int, default=512, show_default=True, help="Memory limit per process in MiB."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _remember(value: int) -> Callable[[click.Context, click.Parameter, bool], None]:
    """A callback that notes the verbosity in the context, from which progress is drawn."""

    def note(ctx: click.Context, _: click.Parameter, given: bool) -> None:
        if given:
            ctx.meta[VERBOSITY] = value

    return note


def verbosity(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options -q and -v of a command that shows its progress; the last one given counts."""
    for names, value, text in (
        (("-v", "--verbose"), 1, "Show every step, with all of its metrics, one per line."),
        (("-q", "--quiet"), -1, "Show no progress: only notices, failed problems and the result."),
    ):
        note = _remember(value)
        option = click.option(*names, is_flag=True, expose_value=False, help=text, callback=note)
        command = option(command)
    return command
