"""`astro config check` and `astro config show`. Neither imports an engine."""

from __future__ import annotations

import click

import astro
from astro.cli import options
from astro.config.yaml import dump_config
from astro.text import plain


@click.group()
def config() -> None:
    """Check a config file, or show it with its defaults."""


@config.command()
@click.argument("file")
@options.overrides
def check(file: str, overrides: tuple[str, ...]) -> None:
    """Validate FILE and check that all it names is installed. Reports all problems at once."""
    astro.load(file, overrides)
    click.echo(f"{file}: ok")


@config.command()
@click.argument("file")
@options.overrides
def show(file: str, overrides: tuple[str, ...]) -> None:
    """Print FILE with overrides applied and defaults filled in.

    For a study, each arm is printed as a YAML document of its own.
    """
    configs = astro.load(file, overrides).configs()
    click.echo(plain("---\n".join(map(dump_config, configs))), nl=False)
