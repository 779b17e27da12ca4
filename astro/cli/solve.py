"""`astro solve`: one problem, searched and shown."""

from __future__ import annotations

from contextlib import suppress

import click

import astro
from astro.cli import options
from astro.cli.progress import progress
from astro.cli.results import solution
from astro.cli.tables import print_all
from astro.config import RunConfig
from astro.errors import ProblemError
from astro.interfaces import ProblemSource
from astro.registry import Registry
from astro.types import Problem


@click.command()
@click.argument("config")
@click.argument("problem")
@options.overrides
def solve(config: str, problem: str, overrides: tuple[str, ...]) -> None:
    """Search PROBLEM, an id of the config's problems or a text, and show the best answer."""
    loaded = astro.load_config(config, overrides)
    with progress() as listener:
        tree = astro.solve(loaded, find(loaded, problem), on_event=listener)
    print_all(*solution(tree))


def find(config: RunConfig, wanted: str) -> Problem:
    """The config's problem with that id or prompt; else a problem of that text, no answer known."""
    source: ProblemSource = Registry.discover().build("problems", config.problems)
    for split in ("test", "dev", "train"):
        with suppress(ProblemError):  # a source need not have every split
            for problem in source.load(split):
                if wanted in (problem.id, problem.prompt):
                    return problem
    return Problem(id="question", prompt=wanted, answer="")
