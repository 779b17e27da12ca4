"""What a killed run goes on from."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from astro_torch_rl.learner import Learner
from astro_torch_rl.storage import whole_folder

KEPT = 2
_STATE = "trainer.pt"


def save(run_dir: Path, learner: Learner) -> None:
    """Write a checkpoint, whole, and drop all but the newest `KEPT`.

    It is a folder that `AutoModelForCausalLM` loads, and the state of the optimiser and schedule.
    There are no random states in it: whatever is drawn is derived from the seed and the step.
    """
    with whole_folder(_folder(run_dir) / f"step-{learner.done:06d}") as folder:
        learner.model.save_pretrained(folder)
        learner.tokenizer.save_pretrained(folder)
        torch.save(learner.state(), folder / _STATE)
    for old in _all(run_dir)[:-KEPT]:
        shutil.rmtree(old)


def latest(run_dir: Path) -> Path | None:
    """The newest checkpoint."""
    return next(reversed(_all(run_dir)), None)


def restore(checkpoint: Path, learner: Learner) -> None:
    """Give the learner, which holds the checkpoint's weights, the state of its optimiser."""
    learner.load_state(torch.load(checkpoint / _STATE, weights_only=True, map_location="cpu"))


def export(target: Path, learner: Learner, dtype: torch.dtype) -> None:
    """Write the trained model for use, whole, in `dtype`, which it keeps."""
    with whole_folder(target) as folder:
        torch.nn.Module.to(learner.model, dtype)
        learner.model.save_pretrained(folder)
        learner.tokenizer.save_pretrained(folder)


def _folder(run_dir: Path) -> Path:
    return run_dir / "checkpoints"


def _all(run_dir: Path) -> list[Path]:
    return sorted(_folder(run_dir).glob("step-*"))
