"""The files of a training."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from astro.errors import TrainingError

FOLDER = "openrlhf"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files of a training in its `run_dir`: ours for OpenRLHF, and OpenRLHF's own.

    Raises `TrainingError` for a path that OpenRLHF would take apart.
    """

    run_dir: Path

    def __post_init__(self) -> None:
        if set(",@") & set(str(self.folder)):
            raise TrainingError(
                f"OpenRLHF reads ',' and '@' in a path as its own signs: {self.folder}",
                "move the run to a folder without them",
            )

    @property
    def folder(self) -> Path:
        return self.run_dir.resolve() / FOLDER

    @property
    def model(self) -> Path:
        """The finished checkpoint."""
        return self.run_dir / "model"

    @property
    def data(self) -> Path:
        return self.folder / "data.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "openrlhf.log"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def exported(self) -> Path:
        """Where OpenRLHF leaves the model, which becomes `model` when it is whole."""
        return self.folder / "model"

    def flags(self) -> dict[str, object]:
        """Those that name files, for RL and fine-tuning alike. A killed run is taken up."""
        return {
            "ckpt.path": self.checkpoints,
            "ckpt.output_dir": self.exported,
            "ckpt.load_enable": True,
            "logger.wandb.run_name": self.run_dir.resolve().parent.name,
        }

    def clear_broken(self) -> None:
        """Remove what a kill has left half: checkpoints without their mark, an export."""
        shutil.rmtree(self.exported, ignore_errors=True)
        for folder in (self.checkpoints, *self.checkpoints.glob("_*")):
            holds_some = any(folder.glob("global_step*"))
            if holds_some and not (folder / "latest").exists():
                shutil.rmtree(folder)

    def done(self) -> int:
        """The updates of fine-tuning in its last checkpoint."""
        latest = self.checkpoints / "latest"
        return int(latest.read_text().removeprefix("global_step")) if latest.exists() else 0

    def hand_over(self) -> None:
        """Make the export the finished checkpoint. Raises `TrainingError` if there is none."""
        if not (self.exported / "config.json").exists():
            raise TrainingError("OpenRLHF ended without a model", f"its log is {self.log}")
        self.exported.replace(self.model)
