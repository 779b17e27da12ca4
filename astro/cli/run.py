"""`astro run`: run all stages and draw their progress."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

import astro
from astro.cli import options
from astro.cli.experiments import experiment_outcome
from astro.cli.output import print_all, say_json
from astro.cli.progress import headed, progress
from astro.cli.rehearsal import report
from astro.cli.results import outcome
from astro.config.yaml import read_config
from astro.errors import ConfigError, RunError
from astro.experiments.searches import Comparison
from astro.experiments.study import Study
from astro.plugins.registry import Registry
from astro.rehearsal import rehearse as rehearsing
from astro.runs.runner import Run


@click.command()
@click.argument("config")
@options.overrides
@options.fresh
@click.option("--until", help="Stop after this stage of the config.")
@options.runs
@click.option(
    "--trees",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A trees.jsonl to use instead of a search.",
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Try the failed problems of finished stages again.",
)
@click.option(
    "--from",
    "again",
    type=click.Choice(["evaluate"]),
    help="Evaluate a finished run again, with another verifier or other keys of evaluate.",
)
@click.option(
    "--rehearse",
    is_flag=True,
    help="Run every stage on a few problems, with stand-ins for what this machine lacks.",
)
@options.as_json
@options.verbosity
def run(
    config: str,
    overrides: tuple[str, ...],
    *,
    fresh: bool,
    until: str | None,
    runs: Path,
    trees: Path | None,
    retry_failed: bool,
    again: str | None,
    rehearse: bool,
    as_json: bool,
) -> None:
    """Run CONFIG in RUNS/<name>. A run that was interrupted is resumed.

    A config with arms is a study: each arm is run at each seed, in RUNS/<name>/seed-<s>/<arm>. A
    config with searches is a comparison, and is run alike. A config with rounds is run once per
    round, in RUNS/<name>/round-<r>.
    With --rehearse, CONFIG is scaled down and run from the start, in RUNS/rehearsal-<name>.
    """
    if rehearse:
        if trees or retry_failed or again or as_json:
            raise click.UsageError(
                "--trees, --retry-failed, --from and --json are not for a rehearsal"
            )
        rehearsed(config, overrides, until, runs)
        return
    loaded = astro.load(config, overrides)
    own: dict[str, Any] = {"trees": trees, "retry_failed": retry_failed, "again": bool(again)}
    flags = {"trees": "--trees", "retry_failed": "--retry-failed", "again": "--from"}
    if not isinstance(loaded, Run) and (used := [flags[name] for name in own if own[name]]):
        raise click.UsageError(f"{used[0]} is for one run: no study, rounds or comparison")
    if fresh and (again or retry_failed):
        raise click.UsageError("--fresh goes with neither --from nor --retry-failed")
    with progress() as listener:
        seeds = loaded.seeds if isinstance(loaded, Study | Comparison) else ()
        told = headed(listener, runs / loaded.name, loaded.configs(), seeds)
        how: dict[str, Any] = {"runs": runs, "fresh": fresh, "until": until, "on_event": told}
        if isinstance(loaded, Run):
            result: Any = loaded.run(**how, **own)
            parts = outcome(result)
        else:
            result = loaded.run(**how)
            parts = experiment_outcome(runs / loaded.name, result)
    if as_json:
        say_json(result)
    else:
        print_all(*parts)


def rehearsed(config: str, overrides: tuple[str, ...], until: str | None, runs: Path) -> None:
    """Rehearse a config as if its engines were installed, and report what stood in for them.

    Hugging Face's libraries are restricted to their cache, because a rehearsal needs no network.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    loaded = astro.load(config, overrides, Registry.discover().as_if_installed())
    try:
        with progress() as listener:
            done = rehearsing.rehearse(loaded, runs=runs, until=until, on_event=listener)
    except OSError as error:
        raise RunError(f"{error.filename or runs}: {error.strerror or error}") from error
    print_all(*report(done, until))


def _compare(config: str, overrides: tuple[str, ...], **given: Any) -> None:
    if "searches" not in read_config(config, overrides):
        raise ConfigError(["searches: missing; a comparison names the searches there"], config)
    unused = {"until": None, "trees": None, "retry_failed": False, "again": None}
    click.get_current_context().invoke(run, config=config, overrides=overrides, **unused, **given)


compare = click.Command(
    "compare",
    callback=_compare,
    params=[p for p in run.params if p.name not in ("until", "trees", "retry_failed", "again")],
    help="Compare the searches in CONFIG at equal token budgets: accuracy, tokens, differences.",
)
