"""The files of a training."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from astro.errors import TrainingError
from astro.files import write_whole

FOLDER = "openrlhf"
_MARK = "latest"
"""The file that names the checkpoint to resume from."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files of a training in its `run_dir`: those written for OpenRLHF, and OpenRLHF's own.

    Raises:
        TrainingError: The path contains a comma or `@`, which OpenRLHF treats as separators.
    """

    run_dir: Path

    def __post_init__(self) -> None:
        if set(",@") & set(str(self.folder)):
            raise TrainingError(
                f"OpenRLHF treats ',' and '@' in a path as separators: {self.folder}",
                "move the run to a folder without them",
            )

    @property
    def folder(self) -> Path:
        """The folder of all files but the finished checkpoint."""
        return self.run_dir.resolve() / FOLDER

    @property
    def model(self) -> Path:
        """The finished checkpoint."""
        return self.run_dir / "model"

    @property
    def data(self) -> Path:
        """The prompts or traces."""
        return self.folder / "data.jsonl"

    @property
    def log(self) -> Path:
        """OpenRLHF's output."""
        return self.folder / "openrlhf.log"

    @property
    def checkpoints(self) -> Path:
        """OpenRLHF's own checkpoints."""
        return self.folder / "checkpoints"

    @property
    def exported(self) -> Path:
        """The folder to which OpenRLHF exports the model; it becomes `model` once complete."""
        return self.folder / "model"

    def flags(self) -> dict[str, object]:
        """Return the flags of file paths, for RL and fine-tuning. A killed training is resumed."""
        return {
            "ckpt.path": self.checkpoints,
            "ckpt.output_dir": self.exported,
            "ckpt.load_enable": True,
            "logger.wandb.run_name": self.run_dir.resolve().parent.name,
        }

    def clear_broken(self, *, critic: bool = False) -> None:
        """Remove incomplete files of a killed training: unmarked checkpoints, and an export.

        With a `critic`, critic and actor resume from the same step afterwards.
        """
        shutil.rmtree(self.exported, ignore_errors=True)
        for folder in (self.checkpoints, *self.checkpoints.glob("_*")):
            holds_some = any(folder.glob("global_step*[0-9]"))  # exports beside them end in _hf
            if holds_some and not (folder / _MARK).exists():
                shutil.rmtree(folder)
        if critic:
            _set_back(self.checkpoints / "_actor", self.checkpoints / "_critic")

    def done(self) -> int:
        """Return the number of updates of fine-tuning in the last checkpoint."""
        latest = self.checkpoints / _MARK
        return int(latest.read_text().removeprefix("global_step")) if latest.exists() else 0

    def hand_over(self) -> None:
        """Move the export to the finished checkpoint.

        Raises:
            TrainingError: There is no export.
        """
        if not (self.exported / "config.json").exists():
            raise TrainingError("OpenRLHF ended without a model", f"its log is {self.log}")
        self.exported.replace(self.model)


def _set_back(actor: Path, critic: Path) -> None:
    """Mark the newest checkpoint that is complete in both, and remove later ones.

    All checkpoints are removed if there is none. OpenRLHF saves the two at the same time, and loads
    each by its own mark.
    """
    tag = _newest_shared(actor, critic)
    for folder in filter(Path.exists, (actor, critic)):
        if tag is None:
            shutil.rmtree(folder)
            continue
        write_whole(folder / _MARK, [tag.encode()])
        for later in _tags(folder):
            if _order(later) > _order(tag):
                shutil.rmtree(folder / later)


def _newest_shared(actor: Path, critic: Path) -> str | None:
    """The newest tag that is complete in both. Files saved after a mark may be incomplete."""
    marks = [_marked(actor), _marked(critic)]
    if not all(marks):
        return None
    last = min(map(_order, marks))
    shared = [
        tag
        for tag in _tags(actor) & _tags(critic)
        if _order(tag) <= last and _files(actor / tag) == _files(critic / tag)
    ]
    return max(shared, key=_order, default=None)


def _marked(folder: Path) -> str:
    """The tag that the mark names; empty if there is none."""
    mark = folder / _MARK
    return mark.read_text().strip() if mark.exists() else ""


def _tags(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*global_step*")}


def _order(tag: str) -> tuple[int, str]:
    """By step; at the same step `best_global_step20` is saved after `global_step20`."""
    prefix, _, step = tag.rpartition("global_step")
    return int(step), prefix


def _files(checkpoint: Path) -> set[str]:
    """The names of its weights and states, the same for actor and critic: they shard alike."""
    return {path.name for path in checkpoint.glob("*.pt")}
