"""Where a run's metrics go, a row a step: JSON Lines, TensorBoard, Weights & Biases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from astro.errors import MissingEngineError
from astro.files import write_whole
from astro_torch_rl.params import Wandb

Row = Mapping[str, float]


class Log(Protocol):
    """Somewhere rows are kept. A row's `step` is its number."""

    def append(self, row: Row) -> None: ...

    def close(self) -> None: ...


class Logs:
    """A run's `metrics.jsonl`, which is what counts, and the logs that follow it."""

    def __init__(self, run_dir: Path, steps: int, wandb: Wandb | None) -> None:
        """Go on after `steps` steps: rows of later ones, left by a run that was killed, go."""
        self._path = run_dir / "metrics.jsonl"
        self.rows = [row for row in read_rows(run_dir) if row["step"] <= steps]
        write_whole(self._path, (_line(row) for row in self.rows))
        self._others: list[Log] = [TensorBoardLog(run_dir / "tensorboard", self.rows)]
        if wandb:
            self._others.append(WandbLog(run_dir, wandb))

    def append(self, row: Row) -> None:
        self.rows.append(dict(row))
        with self._path.open("ab") as file:
            file.write(_line(row))
        for log in self._others:
            log.append(row)

    def close(self) -> None:
        for log in self._others:
            log.close()


class TensorBoardLog:
    """Event files in `folder`, written anew from `rows`: a log that was killed has rows too many.

    Each figure is a scalar under its own name.
    """

    def __init__(self, folder: Path, rows: Sequence[Row]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        shutil.rmtree(folder, ignore_errors=True)
        self._writer = SummaryWriter(str(folder))
        for row in rows:
            self.append(row)

    def append(self, row: Row) -> None:
        for name, value in row.items():
            if name != "step":
                self._writer.add_scalar(name, value, int(row["step"]))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class WandbLog:
    """One run of Weights & Biases for each run folder, taken up again when that is resumed.

    It drops the steps that it has already seen.
    """

    def __init__(self, run_dir: Path, params: Wandb) -> None:
        try:
            import wandb  # type: ignore[import-not-found, unused-ignore]
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

    def append(self, row: Row) -> None:
        self._run.log(dict(row), step=int(row["step"]))

    def close(self) -> None:
        self._run.finish()


def read_rows(run_dir: Path) -> list[dict[str, Any]]:
    """The complete rows of `metrics.jsonl`; a last one may have been cut short."""
    path = run_dir / "metrics.jsonl"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _line(row: Row) -> bytes:
    return json.dumps(dict(row)).encode() + b"\n"
