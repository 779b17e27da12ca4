"""Measures the report of runs that are hard to show: its size, how it is made, and how it opens.

The runs are made by `../shared/cases/viewer/make_run.py`; without it nothing is measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import report_page
from marks import Mark, publish

from astro.files import read_lines
from astro.runs.folder import RunFolder
from astro.types import SearchTree
from astro_report.reading import TraceIndex
from astro_report.trees import tree_document

MAKER = Path(__file__).parents[2] / "shared" / "cases" / "viewer" / "make_run.py"
ASTRO = Path(sys.executable).with_name("astro")
MEGABYTE = 1e6
LARGE = "shape-big"
HARD = ["shape-big", "shape-deep", "shape-wide", "text-one_word", "text-many_lines"]


@dataclass(frozen=True, slots=True)
class Made:
    """A report, and what it took to make it."""

    page: Path
    seconds: float
    gigabytes: float

    @property
    def megabytes(self) -> float:
        """The size of the page and of its chunks."""
        chunks = self.page.with_name("report_data").glob("*")
        return sum(path.stat().st_size for path in (self.page, *chunks)) / MEGABYTE


def hard_run(folder: Path, trees: int, mega: int) -> Path:
    """A run with so many trees; `mega` is the size of the largest text."""
    name = f"hard-{trees}-{mega}"
    command = [sys.executable, str(MAKER), str(folder / name)]
    command += ["--trees", str(trees), "--mega", str(mega)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / name


def made(run: Path) -> Made:
    """Make the report of a run by the command line, as a whole process."""
    began = time.perf_counter()
    process = subprocess.Popen([ASTRO, "report", run], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"astro report {run} failed")
    return Made(run / "report.html", time.perf_counter() - began, usage.ru_maxrss / 1024**2)


def linked_share(run: Path) -> float:
    """The share of the segments of all traces whose node is in the tree that is shown."""
    folder, segments, linked = RunFolder(run), 0, 0
    index = TraceIndex(folder)
    for number, tree in enumerate(read_lines(folder.trees, SearchTree)):
        shown = tree_document(tree, number, index.of(tree.problem.id))
        for trace in shown.traces:
            nodes = [segment.node for segment in trace.segments]
            segments += len(nodes)
            linked += sum(0 <= node < len(shown.text) for node in nodes)
    return 100 * linked / segments


def main() -> None:
    if not MAKER.exists():
        sys.exit(f"nothing is measured, because {MAKER} is absent")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small, hard, many = (
            hard_run(folder, trees, mega)
            for trees, mega in ((400, 20_000), (400, 1_000_000), (20_000, 20_000))
        )
        few, lots, hardest = made(small), made(many), made(hard)
        clicks = report_page.choices(few.page, [LARGE])
        choices = report_page.choices(hardest.page, HARD)
        slowest = max(choices, key=lambda name: choices[name])
        click = max(took for name, took in clicks.items() if name.startswith("a click"))
        opens, opens_lots = (report_page.opening_seconds(one.page) for one in (few, lots))
        publish(
            "report",
            [
                Mark.of("400 trees: MB", few.megabytes, "<= 15"),
                Mark.of("400 trees: made in, s", few.seconds, "<= 10"),
                Mark.of("400 trees: opens in, s", opens, "<= 2"),
                Mark.of("20,000 trees: made in, s", lots.seconds, "<= 180"),
                Mark.of("20,000 trees: GB of memory", lots.gigabytes, "<= 2"),
                Mark.of("20,000 trees: opens in, s", opens_lots, "<= 2"),
                Mark.of("a click in a tree of 10,000 nodes, ms", click, "<= 100"),
                Mark.of("segments that link to their node, %", linked_share(small), ">= 100"),
                Mark.of(f"hard run: slowest choice ({slowest}), ms", choices[slowest], "<= 200"),
            ],
        )


if __name__ == "__main__":
    main()
