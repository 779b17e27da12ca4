"""`astro plugins`: what is provided by whom and whether it is ready, and a start for one more."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from astro.cli import options
from astro.cli.scaffold import write_plugin
from astro.registry import Entry, Registry


@dataclass(frozen=True, slots=True)
class Row:
    """A plugin as listed. `status` is `ready`, `needs` or `broken`; `detail` says what or why."""

    kind: str
    name: str
    distribution: str
    version: str
    status: str
    detail: str = ""
    summary: str = ""

    @property
    def state(self) -> str:
        """The status in words: `ready`, `needs X (command)` or `broken (why)`."""
        if self.status == "needs":
            return f"needs {self.detail}"
        return f"{self.status} ({self.detail})" if self.detail else self.status


def rows(registry: Registry) -> Iterator[Row]:
    """Every provider in the order of kinds, then the plugins that could not be loaded."""
    owners = defaultdict(list)
    for entry in registry.entries:
        owners[entry.provider.kind, entry.provider.name].append(entry)
    for entry in registry.entries:
        provider = entry.provider
        rivals = [e for e in owners[provider.kind, provider.name] if e is not entry]
        status, detail = _status(entry, rivals)
        origin = (entry.distribution, entry.version)
        yield Row(provider.kind, provider.name, *origin, status, detail, provider.summary)
    for broken in registry.broken:
        origin = (broken.distribution, broken.version)
        yield Row("", broken.name, *origin, "broken", broken.reason)


def _status(entry: Entry, rivals: list[Entry]) -> tuple[str, str]:
    if rivals:
        names = " and ".join(f"{rival.distribution} {rival.version}" for rival in rivals)
        return "broken", f"also provided by {names}; uninstall one of them"
    if entry.missing:
        command = f" ({entry.provider.install})" if entry.provider.install else ""
        return "needs", f"{', '.join(entry.missing)}{command}"
    return "ready", ""


@click.group(invoke_without_command=True)
@options.as_json
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List every plugin: kind, name, distribution, version and whether it is ready."""
    if ctx.invoked_subcommand:
        return
    found = list(rows(Registry.discover()))
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found], indent=2))
        return
    from astro.cli.tables import plugin_table, print_all  # rich, which JSON does without

    print_all(plugin_table(found))


@plugins.group()
def new() -> None:
    """Write the files of a new plugin."""


@new.command()
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The folder in which its own is made.  [default: here]",
)
def verifier(name: str, into: Path) -> None:
    """Write a verifier that works: package, config, README, and tests by the conformance kit."""
    folder = write_plugin("verifier", name, into, Registry.discover())
    click.echo(f"wrote {folder}")
    click.echo(f"next: cd {shlex.quote(str(folder))} && pip install -e '.[test]' && pytest")
