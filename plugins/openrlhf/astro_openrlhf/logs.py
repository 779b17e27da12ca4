"""Where a training's metrics go, a row a step: JSON Lines and TensorBoard."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
from tensorboard.summary.writer.event_file_writer import (  # type: ignore[import-untyped]
    EventFileWriter,
)

from astro.files import encode, write_lines

Row = Mapping[str, float]
_row = msgspec.json.Decoder(dict[str, float]).decode


class Logs:
    """`metrics.jsonl` in a folder, which is what counts, and event files written after it.

    A row's `step` is its number. A training that was killed goes on from its last checkpoint, so
    rows of steps that come again give way.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / "metrics.jsonl"
        self._folder = run_dir / "tensorboard"
        self._writer: EventFileWriter | None = None
        self.rows = _read(self._path)

    def append(self, row: Row) -> None:
        """Add a row, in place of those that are not before it."""
        before = [old for old in self.rows if old["step"] < row["step"]]
        goes_on = self._writer is not None and len(before) == len(self.rows)
        self.rows = [*before, dict(row)]
        if goes_on:
            with self._path.open("ab") as file:
                file.write(encode(row) + b"\n")
        else:
            write_lines(self._path, self.rows)
        self._write(self.rows if self._writer is None else [row])

    def close(self) -> None:
        if self._writer:
            self._writer.close()

    def _write(self, rows: Sequence[Row]) -> None:
        if self._writer is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._writer = EventFileWriter(str(self._folder))
        for row in rows:
            values = [
                Summary.Value(tag=name, simple_value=value)
                for name, value in row.items()
                if name != "step"
            ]
            step, summary = int(row["step"]), Summary(value=values)
            self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
        self._writer.flush()


def _read(path: Path) -> list[Row]:
    """The complete rows; a kill may have cut the last one short."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [_row(line) for line in lines if line.endswith(b"\n")]
