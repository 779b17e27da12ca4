"""The metrics of a training, one row per step: JSON Lines, TensorBoard, Weights & Biases."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import msgspec
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from astro.errors import MissingEngineError, TrainingError
from astro.files import encode_row, write_lines
from astro.formats import without_format
from astro_hf.params import Wandb

MetricRow = Mapping[str, float]
"""Metrics of one step by name; `step` is its number, from 1."""
_decode = msgspec.json.Decoder(dict[str, int | float]).decode


class MetricSink(Protocol):
    """A destination that receives every row of a `MetricLog`."""

    def append(self, row: MetricRow) -> None:
        """Record the metrics of one step."""

    def close(self) -> None:
        """Write what is buffered. No call follows."""


class MetricLog:
    """`metrics.jsonl` in a folder, and the sinks that receive its rows.

    A resumed training repeats the steps after its last checkpoint: a new row replaces the rows
    whose steps are not before its own.
    """

    def __init__(
        self, run_dir: Path, *, done: int | None = None, wandb: Wandb | None = None
    ) -> None:
        """Open the log of `run_dir`; rows of steps after `done`, if given, are dropped at once."""
        self._path = run_dir / "metrics.jsonl"
        self._sinks: list[MetricSink] = []
        self._open_sinks: list[Callable[[], MetricSink]] = [
            lambda: TensorBoardSink(run_dir / "tensorboard", self.rows)
        ]
        if wandb:
            self._open_sinks.append(lambda: WandbSink(run_dir, wandb))
        self.rows: list[MetricRow] = list(read_rows(run_dir))
        if done is not None:
            self._rewrite([row for row in self.rows if row["step"] <= done])

    def append(self, row: MetricRow) -> None:
        """Add a row, in place of those that are not before it."""
        before = [old for old in self.rows if old["step"] < row["step"]]
        if not self._sinks or len(before) < len(self.rows):
            self._rewrite(before)
        self.rows.append(dict(row))
        with self._path.open("ab") as file:
            file.write(encode_row(row) + b"\n")
        for sink in self._sinks:
            sink.append(row)

    def close(self) -> None:
        """Close the sinks."""
        for sink in self._sinks:
            sink.close()

    def _rewrite(self, rows: list[MetricRow]) -> None:
        """Write the file and the sinks anew with `rows`: a killed training leaves too many."""
        self.rows = rows
        write_lines(self._path, rows)
        self.close()
        self._sinks = [open_sink() for open_sink in self._open_sinks]


class TensorBoardSink:
    """Event files in `folder`, which start with `rows`; each metric is a scalar of its name."""

    def __init__(self, folder: Path, rows: Sequence[MetricRow]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._writer = EventFileWriter(str(folder))
        for row in rows:
            self.append(row)

    def append(self, row: MetricRow) -> None:
        """Write one event, and flush it."""
        scalars = [(name, value) for name, value in row.items() if name != "step"]
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=v) for tag, v in scalars])
        event = Event(wall_time=time.time(), step=int(row["step"]), summary=summary)
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class WandbSink:
    """One run of Weights & Biases per run folder, which a resumed training continues.

    Weights & Biases ignores steps that it already has.

    Raises:
        MissingEngineError: wandb is not installed.
    """

    def __init__(self, run_dir: Path, params: Wandb) -> None:
        try:
            import wandb
        except ImportError:
            raise MissingEngineError("rl.params.wandb needs wandb", "pip install wandb") from None
        self._run = wandb.init(
            project=params.project,
            name=params.name or run_dir.resolve().parent.name,
            mode=params.mode,
            dir=run_dir,
            id=blake2b(str(run_dir.resolve()).encode(), digest_size=8).hexdigest(),
            resume="allow",
        )

    def append(self, row: MetricRow) -> None:
        """Log one row."""
        self._run.log(dict(row), step=int(row["step"]))

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()


def read_rows(run_dir: Path) -> list[dict[str, float]]:
    """Return the complete rows of `metrics.jsonl`; a kill may have cut the last one short.

    Raises:
        TrainingError: A row is damaged.
    """
    path = run_dir / "metrics.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [_row(line, f"{path}:{number}") for number, line in enumerate(lines, 1)]


def _row(line: bytes, where: str) -> dict[str, float]:
    try:
        row = _decode(without_format(line, where))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged(where, str(error)) from None
    if "step" not in row:
        raise _damaged(where, "it has no step")
    return row


def _damaged(where: str, why: str) -> TrainingError:
    return TrainingError(
        f"{where}: damaged row: {why}",
        "remove that line, which only loses the metrics of its step, and run it again",
    )
