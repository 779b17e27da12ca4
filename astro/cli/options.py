"""Options that several commands share."""

from __future__ import annotations

import click

overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY.PATH=VALUE",
    help="Override a key of the config; may be repeated. The value is read as YAML.",
)
params = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a param of the plugin; may be repeated. The value is read as YAML.",
)
workers = click.option("--workers", type=int, default=1, show_default=True, help="Processes.")
timeout = click.option(
    "--timeout", type=float, default=1.0, show_default=True, help="Seconds allowed per verdict."
)
memory_mb = click.option(
    "--memory-mb", type=int, default=512, show_default=True, help="Memory limit per process in MiB."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
