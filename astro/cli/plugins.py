"""`astro plugins`: list the installed plugins, or write the files of a new one."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from astro.cli import options
from astro.cli.app import COMMANDS
from astro.cli.output import print_all, say, say_json, width
from astro.plugins.listing import rows
from astro.plugins.registry import Registry
from astro.plugins.scaffold import write_plugin


@click.group(invoke_without_command=True)
@options.as_json
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List every plugin with its kind, name, distribution and version, and whether it is ready."""
    if ctx.invoked_subcommand:
        return
    found = list(rows(Registry.discover(), COMMANDS))
    if as_json:
        say_json(found)
        return
    from astro.cli.tables import plugin_table  # rich, not needed for JSON

    print_all(plugin_table(found, width()))


@plugins.group()
def new() -> None:
    """Write the files of a new plugin."""


@new.command(short_help="Write a working verifier and its tests.")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The folder in which the plugin's folder is created.  [default: the working directory]",
)
def verifier(name: str, into: Path) -> None:
    """Write a working verifier: package, config, README, and tests with the conformance kit."""
    folder = write_plugin("verifier", name, into, Registry.discover())
    say(f"wrote {folder}")
    say(f"next: cd {shlex.quote(str(folder))} && pip install -e '.[test]' && pytest")
