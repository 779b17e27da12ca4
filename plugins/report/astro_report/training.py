"""The document of training curves, from the metrics that the trainers logged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astro.files import decode, raw_lines
from astro.runs.folder import RunFolder
from astro.runs.stages.report import in_order, title_of
from astro_report.documents import Series, TrainingCurves, TrainingDocument

LOG = "metrics.jsonl"


def trained(folder: RunFolder) -> list[str]:
    """The models with a log of their training, in the order of tables."""
    return in_order(sorted(path.parent.name for path in folder.root.glob(f"*/{LOG}")))


def training_document(folder: RunFolder) -> TrainingDocument:
    """The curves of all trainings of a run.

    Raises:
        RunError: A line of a log is damaged.
    """
    models = trained(folder)
    return TrainingDocument(
        [curves(folder.training(model) / LOG, title_of(model)) for model in models]
    )


def curves(path: Path, title: str) -> TrainingCurves:
    """The curves of a log, one per metric, over the steps in the order of the log.

    A row that is still being written, or that a kill has cut short, is left out. A row without a
    step has its own number.
    """
    lines = [(where, line) for where, _, line in raw_lines(path) if line.endswith(b"\n")]
    rows = [decode(line, dict[str, Any], where) for where, line in lines]
    steps = [_number(row.get("step")) for row in rows]
    x = [float(number) if step is None else step for number, step in enumerate(steps, 1)]
    names = dict.fromkeys(name for row in rows for name in row if name != "step")
    series = [Series(name, x, [_number(row.get(name)) for row in rows]) for name in names]
    return TrainingCurves(title, [one for one in series if any(y is not None for y in one.y)])


def _number(value: object) -> float | None:
    """A number of a log; None for all else."""
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:  # an integer that no float holds
        return None
