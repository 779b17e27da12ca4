"""The document of training curves, from the metrics that the trainers logged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astro.files import read_lines
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
    """The curves of a log, one per metric, over the steps in the order of the log."""
    rows = list(read_lines(path, dict[str, Any]))
    numbered = [{**row, "step": row.get("step", number)} for number, row in enumerate(rows, 1)]
    steps = [float(row["step"]) for row in numbered]
    names = dict.fromkeys(name for row in numbered for name in row if name != "step")
    series = [Series(name, steps, [_number(row.get(name)) for row in numbered]) for name in names]
    return TrainingCurves(title, [one for one in series if any(y is not None for y in one.y)])


def _number(value: object) -> float | None:
    """A number of a log; None for all else."""
    return float(value) if isinstance(value, int | float) else None
