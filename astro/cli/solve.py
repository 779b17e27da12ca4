"""`astro solve`: search one problem and show the best answer."""

from __future__ import annotations

import click

import astro
from astro.cli import options
from astro.cli.output import print_all
from astro.cli.results import solution
from astro.experiments.loading import load_run


@click.command()
@click.argument("config")
@click.argument("problem")
@options.overrides
def solve(config: str, problem: str, overrides: tuple[str, ...]) -> None:
    """Search PROBLEM, an id of a problem of the config or a text, and show the best answer."""
    loaded = load_run(config, overrides)
    print_all(*solution(astro.solve(loaded, problem)))
