"""Event files for TensorBoard: the metrics of each training, and the scores of each model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

from astro.files import read_lines
from astro.runs.folder import RunFolder
from astro_report.results import scores_of
from astro_report.training import LOG, trained

_Point = tuple[int, str, float]
"""A step, the name of a metric, and its value."""


def write(folder: RunFolder, out: Path) -> Iterator[Path]:
    """Write one folder of events for each model, and yield the folders."""
    scores = scores_of(folder)
    names = dict.fromkeys([*trained(folder), *(scores.models if scores else ())])
    for model in names:
        log = folder.training(model) / LOG
        points = list(_training(log)) if log.exists() else []
        if scores:
            figures = scores.models.get(model, {})
            points += [(0, f"eval/{name}", figure.value) for name, figure in figures.items()]
        if points:
            path = out / quote(model, safe=" ")
            _events(path, points, (log if log.exists() else folder.scores).stat().st_mtime)
            yield path


def _training(log: Path) -> Iterator[_Point]:
    for number, row in enumerate(read_lines(log, dict[str, Any]), 1):
        step = row.get("step", number)
        for name, value in row.items():
            if name != "step" and isinstance(value, int | float):
                yield int(step), name, float(value)


def _events(path: Path, points: Iterable[_Point], when: float) -> None:
    """Write points as scalars. All have the time of the file they come from, which has no other."""
    writers = import_module("tensorboard.summary.writer.event_file_writer")
    event = import_module("tensorboard.compat.proto.event_pb2").Event
    summary = import_module("tensorboard.compat.proto.summary_pb2").Summary
    writer = writers.EventFileWriter(str(path))
    for step, name, value in points:
        scalar = summary(value=[summary.Value(tag=name, simple_value=value)])
        writer.add_event(event(step=step, wall_time=when, summary=scalar))
    writer.close()
