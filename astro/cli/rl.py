"""`astro rl`: a run up to its RL, or a dry run of the RL."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click

import astro
from astro.cli import options
from astro.cli.output import say_block
from astro.cli.progress import headed, progress
from astro.config.run import BASE, RunConfig
from astro.errors import ConfigError
from astro.experiments.loading import load_run
from astro.plugins.registry import Registry
from astro.runs.stages import rl as stage


@click.command()
@click.argument("config")
@options.overrides
@click.option(
    "--dry-run",
    is_flag=True,
    help="Write and check the files and the command of RL, and show them.",
)
@options.runs
@options.verbosity
def rl(config: str, overrides: tuple[str, ...], dry_run: bool, runs: Path) -> None:
    """Run CONFIG up to its RL in RUNS/<name>, as `astro run --until rl` does.

    With --dry-run nothing is trained: the input files of an external RL program are written, and
    the files and the program's command are checked.
    """
    registry = Registry.discover()  # a dry run needs no engine that only samples
    loaded = load_run(config, overrides, registry.as_if_installed() if dry_run else registry)
    if loaded.rl is None:
        raise ConfigError(["rl: missing"], config)
    if dry_run:
        say_block("\n".join(lines(loaded, runs)))
        return
    with progress() as listener:
        told = headed(listener, runs / loaded.name, [loaded])
        astro.run(loaded, runs=runs, until=stage.STAGE, on_event=told)


def lines(config: RunConfig, runs: Path) -> Iterator[str]:
    """The command, the files and the checks as text. Raises what the dry run raises."""
    found, start = stage.dry_run(config, runs, Registry.discover())
    yield from ("command", f"  {shlex.join(found.command)}", "files")
    yield from (f"  {path}" for path in found.files)
    yield "checks"
    yield from (f"  {check}: ok" for check in found.checks)
    if config.sft is not None and start == BASE:
        yield "  with the base model, since there is no sft/model yet"
