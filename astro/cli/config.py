"""`astro config check` and `astro config show`. Neither imports an engine."""

from __future__ import annotations

import click

import astro
from astro.cli import options
from astro.cli.output import say, say_block
from astro.config.loading import with_defaults
from astro.config.stages import with_automatic_stages
from astro.config.yaml import dump_config
from astro.plugins.registry import Registry
from astro.rehearsal.readiness import require_ready


@click.group()
def config() -> None:
    """Check a config file, or show it with its defaults."""


@config.command()
@click.argument("file")
@options.overrides
def check(file: str, overrides: tuple[str, ...]) -> None:
    """Validate FILE and check that all it names is on this machine. Reports all problems at once.

    Packages, data files, models in folders, programs and servers are looked for; names on the
    Hugging Face hub are not.
    """
    registry = Registry.discover()
    require_ready(astro.load(file, overrides, registry).configs(), registry, file)
    say(f"{file}: ok")


@config.command()
@click.argument("file")
@options.overrides
def show(file: str, overrides: tuple[str, ...]) -> None:
    """Print FILE with overrides applied and all defaults filled in, those of plugins too.

    For a study, each arm is printed as a YAML document of its own.
    """
    registry = Registry.discover()
    configs = astro.load(file, overrides, registry).configs()
    shown = (with_automatic_stages(with_defaults(each, registry), registry) for each in configs)
    say_block("---\n".join(map(dump_config, shown)))
