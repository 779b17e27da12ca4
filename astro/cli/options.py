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
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
