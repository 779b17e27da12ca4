"""The stage that ends every run, and the report of a study or of rounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from astro.config.run import RunConfig
from astro.plugins.registry import Registry
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
from astro_report.report import NAME, write_report


@dataclass(frozen=True, slots=True)
class PageStage:
    """Writes report.html and, if it would be too large, chunks in report_data."""

    params: None
    name: str
    config: RunConfig
    needs: tuple[str, ...] = ("linearize", "report")
    models: tuple[str, ...] = ()

    def outputs(self, folder: Path) -> list[Path]:
        """The page."""
        return [RunFolder(folder).page]

    def run(self, run: RunContext) -> None:
        """Write the report of the run."""
        with run.started(self.name, 1, "file"):
            write_report(run.folder.root, run.registry, run.folder.page, run.step_format())


def write_report_of_experiment(folder: Path) -> None:
    """Write the report of a study or of rounds into its folder."""
    write_report(folder, Registry.discover(), folder / NAME)
