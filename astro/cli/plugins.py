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
from astro.plugins.scaffold import SUMMARIES, write_plugin


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
    """Write the files of a new plugin, which works and is there to be changed."""


def _writer(kind: str) -> click.Command:
    """The command that writes a plugin of one kind."""

    @click.command(kind, short_help=SUMMARIES[kind])
    @click.argument("name")
    @click.option(
        "--into",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        help="Folder in which the plugin's folder is made.  [default: the working directory]",
    )
    def write(name: str, into: Path) -> None:
        folder = write_plugin(kind, name, into, Registry.discover())
        say(f"wrote {folder}")
        say(f"next: cd {shlex.quote(str(folder))} && pip install -e '.[test]' && pytest")

    write.help = (
        f"Write a plugin of the kind {kind} that works: {SUMMARIES[kind]}. It has a README, and "
        "tests that check what is expected of its kind. Put your own work in its place."
    )
    return write


for _kind in SUMMARIES:
    new.add_command(_writer(_kind))
