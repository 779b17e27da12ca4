"""What a killed run goes on from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from astro_torch_rl import adapters
from astro_torch_rl.critic import Critic
from astro_torch_rl.learner import Learner
from astro_torch_rl.storage import whole_folder

KEPT = 2
_STATE = "trainer.pt"


def save(run_dir: Path, done: int, learner: Learner, critic: Critic | None) -> None:
    """Write a checkpoint after `done` steps, whole, and drop all but the newest `KEPT`.

    It is a folder that `AutoModelForCausalLM` loads, and the state of optimisers, adapters and
    critic. There are no random states in it: whatever is drawn is derived from the seed and the
    step.
    """
    with whole_folder(run_dir / "checkpoints" / f"step-{done:06d}") as folder:
        _write(folder, learner)
        state = {
            "done": done,
            "learner": learner.state(),
            "critic": critic.state() if critic else None,
        }
        torch.save(state, folder / _STATE)
    for old in _all(run_dir)[:-KEPT]:
        shutil.rmtree(old)


def latest(run_dir: Path) -> Path | None:
    """The newest checkpoint."""
    return next(reversed(_all(run_dir)), None)


def restore(checkpoint: Path, learner: Learner, critic: Critic | None) -> int:
    """Give learner and critic their state; returns the steps done.

    The learner already holds the checkpoint's model, or the start model if adapters are trained.
    """
    state: dict[str, Any] = torch.load(checkpoint / _STATE, weights_only=True, map_location="cpu")
    learner.load_state(state["learner"])
    if critic:
        critic.load_state(state["critic"])
    return int(state["done"])


def export(target: Path, learner: Learner, dtype: torch.dtype) -> None:
    """Write the trained model for use, whole, in `dtype`, which it keeps."""
    adapters.fold(learner.model)
    torch.nn.Module.to(learner.model, dtype)
    with whole_folder(target) as folder:
        _write(folder, learner)


def _write(folder: Path, learner: Learner) -> None:
    learner.model.save_pretrained(folder, state_dict=dict(adapters.merged(learner.model)))
    learner.tokenizer.save_pretrained(folder)


def _all(run_dir: Path) -> list[Path]:
    return sorted((run_dir / "checkpoints").glob("step-*"))
