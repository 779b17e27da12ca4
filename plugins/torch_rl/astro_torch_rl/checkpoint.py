"""Checkpoints, from which a killed training resumes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from astro_hf import adapters
from astro_hf.checkpoints import cast_weights
from astro_hf.folders import whole_folder, write_model
from astro_hf.look import check_saved
from astro_hf.sealing import last_sealed, seal
from astro_torch_rl.critic import Critic
from astro_torch_rl.learner import Learner

KEPT = 2
_STATE = "trainer.pt"


def save(run_dir: Path, done: int, learner: Learner, critic: Critic | None) -> None:
    """Write a checkpoint after `done` steps, completely or not at all, and keep the newest `KEPT`.

    It is a folder that `AutoModelForCausalLM` loads, with the states of optimizers, adapters and
    critic. It holds no random states: everything that is drawn is derived from the seed and the
    number of the step.
    """
    with whole_folder(run_dir / "checkpoints" / f"step-{done:06d}") as folder:
        _write(folder, learner)
        state = {
            "done": done,
            "learner": learner.state(),
            "critic": critic.state() if critic else None,
        }
        torch.save(state, folder / _STATE)
        seal(folder)
    for old in _all(run_dir)[:-KEPT]:
        shutil.rmtree(old)


def latest(run_dir: Path) -> Path | None:
    """Return the newest checkpoint that is not damaged; damaged ones are removed."""
    return last_sealed(run_dir / "checkpoints", "step-*", unsealed=True)


def restore(checkpoint: Path, learner: Learner, critic: Critic | None) -> int:
    """Load the states of learner and critic, and return the number of steps done.

    The learner already holds the checkpoint's model, or the start model if adapters are trained.
    """
    state: dict[str, Any] = torch.load(checkpoint / _STATE, weights_only=True, map_location="cpu")
    learner.load_state(state["learner"])
    if critic:
        critic.load_state(state["critic"])
    return int(state["done"])


def export(target: Path, learner: Learner, dtype: torch.dtype) -> None:
    """Write the trained model, completely or not at all, in `dtype`, which the learner keeps."""
    adapters.fold(learner.model)
    cast_weights(learner.model, dtype)
    with whole_folder(target) as folder:
        _write(folder, learner)
        check_saved(folder, learner.model, learner.tokenizer)


def _write(folder: Path, learner: Learner) -> None:
    write_model(folder, learner.model, learner.tokenizer, adapters.merged(learner.model))


def _all(run_dir: Path) -> list[Path]:
    return sorted((run_dir / "checkpoints").glob("step-*"))
