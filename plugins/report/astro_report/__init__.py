"""Shows a run: as a page, live, in the terminal, and in the formats of other tools."""

from __future__ import annotations

from importlib import import_module

from astro.events import Event, ExperimentFinished, Listener
from astro.plugins.hookspecs import Command, Provider, hookimpl

INSTALL = "pip install astro-reasoner-report"


@hookimpl
def astro_providers() -> list[Provider]:
    """The stage that writes the report of every run."""
    return [
        Provider(
            "stage",
            "html",
            "a report of the run as a page to look at",
            target="astro_report.stage:PageStage",
            requires=("jinja2",),
            install=INSTALL,
            automatic=True,
        )
    ]


@hookimpl
def astro_listeners() -> list[Listener]:
    """The listener that writes the report of a study or of rounds."""
    return [write_report_at_the_end]


def write_report_at_the_end(event: Event) -> None:
    """Write the report of a study or of rounds once their results are written."""
    if isinstance(event, ExperimentFinished):
        import_module("astro_report.stage").write_report_of_experiment(event.folder)


@hookimpl
def astro_commands() -> list[Command]:
    """The commands that show runs."""
    return [
        Command(
            "report",
            "Write a report of a run as one HTML file, to be opened in a browser.",
            "astro_report.command:report",
            requires=("jinja2",),
            install=INSTALL,
        ),
        Command(
            "view",
            "Show all runs of a folder as a local page, also while they are at work.",
            "astro_report.view:view",
            requires=("jinja2", "starlette", "uvicorn"),
            install=INSTALL,
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
        Command(
            "export",
            "Write a run for inspect, session-trace viewers, pandas or TensorBoard.",
            "astro_report.export:export",
        ),
    ]
