"""Shows a run: as a page, live, in the terminal, and in the formats of other tools."""

from __future__ import annotations

from astro.plugins.hookspecs import Command, Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """The stage that writes the report."""
    return []


@hookimpl
def astro_commands() -> list[Command]:
    """The commands that show runs."""
    return [
        Command(
            "report",
            "Write a report of a run as one HTML file, to be opened in a browser.",
            "astro_report.command:report",
            requires=("jinja2",),
            install="pip install astro-reasoner-report",
        ),
        Command(
            "view",
            "Show all runs of a folder as a local page, also while they are at work.",
            "astro_report.view:view",
            requires=("jinja2", "starlette", "uvicorn"),
            install="pip install astro-reasoner-report",
        ),
        Command(
            "show",
            "Show a run's trees, traces, responses and failures in the terminal.",
            "astro_report.show:show",
        ),
        Command(
            "graph",
            "Draw a response as a graph of its steps, reflections and backtracks.",
            "astro_report.graph:graph",
        ),
    ]
