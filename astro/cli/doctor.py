"""`astro doctor`: the machine, the installed packages, and what plugins still need."""

from __future__ import annotations

import click

from astro.cli import options
from astro.cli.app import COMMANDS
from astro.cli.output import print_all, say_json
from astro.plugins.machine import examine
from astro.plugins.registry import Registry
from astro.rehearsal.machine import this_machine
from astro.rehearsal.readiness import unready


@click.command()
@options.as_json
def doctor(as_json: bool) -> None:
    """Describe the machine, the distributions, what plugins still need, and the devices."""
    registry = Registry.discover()
    report = examine(registry, COMMANDS)
    report["unready"] |= unready(registry, this_machine())
    if as_json:
        say_json(report)
        return
    from astro.cli.tables import fact_table, text  # rich, not needed for JSON

    facts = {key: value for key, value in report.items() if not isinstance(value, dict)}
    print_all(fact_table(facts))
    for title in ("distributions", "devices", "unready"):
        print_all(text(f"\n{title}", "bold"), fact_table(report[title] or {"none": ""}))
