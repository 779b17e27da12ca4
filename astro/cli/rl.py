"""`astro rl`: a run up to its RL, or a look at what RL would be started with."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click

import astro
from astro.cli import options
from astro.cli.loading import load_run
from astro.cli.progress import progress
from astro.config.run import RunConfig
from astro.data.problem_sets import training, with_prompt
from astro.errors import ConfigError, RunError
from astro.interfaces import DryRun, DryRunReport, RLJob, StepFormat
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.stages.rl import STAGE
from astro.seeds import derive
from astro.text import plain


@click.command()
@click.argument("config")
@options.overrides
@click.option(
    "--dry-run", is_flag=True, help="Write and check what RL is started with, and show it."
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default="runs",
    show_default=True,
    help="The folder that holds the runs' folders.",
)
def rl(config: str, overrides: tuple[str, ...], dry_run: bool, runs: Path) -> None:
    """Run CONFIG up to its RL in RUNS/<name>, as `astro run --until rl` does.

    With --dry-run nothing is trained: the files that RL by another program takes are written, and
    they and its command are checked.
    """
    loaded = load_run(config, overrides)
    if loaded.rl is None:
        raise ConfigError(["rl: missing"], config)
    if dry_run:
        click.echo(plain("\n".join(lines(loaded, RunFolder(runs / loaded.name)))))
        return
    with progress() as listener:
        astro.run(loaded, runs=runs, until=STAGE, on_event=listener)


def lines(config: RunConfig, folder: RunFolder) -> Iterator[str]:
    """The command, the files and the checks as text. Raises what the dry run raises."""
    trained = config.sft is not None and folder.checkpoint("sft").exists()
    found = dry_run(config, folder, str(folder.checkpoint("sft")) if trained else None)
    yield from ("command", f"  {shlex.join(found.command)}", "files")
    yield from (f"  {path}" for path in found.files)
    yield "checks"
    yield from (f"  {check}: ok" for check in found.checks)
    if config.sft is not None and not trained:
        yield "  with the base model, since there is no sft/model yet"


def dry_run(config: RunConfig, folder: RunFolder, trained: str | None) -> DryRunReport:
    """All of the stage but the training, from the model `trained`, or from the base."""
    assert config.rl
    registry = Registry.discover()
    step_format: StepFormat = registry.build("step_format", config.step_format)
    algorithm = registry.build("rl", config.rl, step_format=step_format)
    if not isinstance(algorithm, DryRun):
        raise RunError(
            f"rl {config.rl.name!r} trains in this process: there is no command to show",
            "--dry-run is for trainers such as openrlhf_grpo",
        )
    problems, _ = training(config, registry)
    policy = config.policy.with_params(model=trained) if trained else config.policy
    job = RLJob(
        [with_prompt(problem, step_format, shots=False) for problem in problems],
        model=str(policy.params["model"]),
        policy=policy,
        reward=config.reward or config.verifier,
        run_dir=folder.training(STAGE),
        seed=derive(config.seed, STAGE),
    )
    return algorithm.dry_run(job)
