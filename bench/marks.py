"""Marks are measured values with their goals. They are reported in a table and in a file."""

from __future__ import annotations

import json
import operator
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
_HOLDS = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Mark:
    """A measured value. `goal` is a comparison such as `<= 0.3`; `holds` says if it is met."""

    mark: str
    value: float
    goal: str
    holds: bool

    @classmethod
    def of(cls, mark: str, value: float, goal: str) -> Mark:
        sign, bound = goal.split()
        return cls(mark, round(value, 4), goal, bool(_HOLDS[sign](value, float(bound))))


def publish(name: str, marks: Sequence[Mark]) -> None:
    """Print the table and write bench/results/bench-NAME.json."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    table = Table("mark", "value", "goal", "holds", title=f"bench-{name} ({machine})")
    for mark in marks:
        table.add_row(mark.mark, f"{mark.value:g}", mark.goal, "yes" if mark.holds else "NO")
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    rows = json.dumps([asdict(mark) for mark in marks], indent=2)
    (RESULTS / f"bench-{name}.json").write_text(rows + "\n")


def run_parts(parts: Sequence[Callable[[], None]]) -> None:
    """Run the parts that the command line names, in the order of `parts`; all by default."""
    wanted = sys.argv[1:] or [part.__name__ for part in parts]
    for part in parts:
        if part.__name__ in wanted:
            part()
