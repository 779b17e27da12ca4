"""AdamW with a schedule, clipped gradients, and no steps that are not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import Parameter

from astro.errors import TrainingError
from astro_hf.params import Schedule
from astro_torch_rl.params import TrainParams

MAX_SKIPPED = 5


class Optimiser:
    """Steps of those of `parameters` that take a gradient, at `rate` times the schedule."""

    def __init__(self, parameters: Iterable[Parameter], rate: float, params: TrainParams) -> None:
        self._rate = rate
        self._max_norm = params.max_grad_norm
        self._parameters = [p for p in parameters if p.requires_grad]
        self._adamw = torch.optim.AdamW(
            self._parameters, lr=rate, betas=params.betas, weight_decay=params.weight_decay
        )
        self._skipped_in_a_row = 0

    def set_rate(self, factor: float) -> float:
        """Make the learning rate `factor` times its full value, and return it."""
        for group in self._adamw.param_groups:
            group["lr"] = self._rate * factor
        return self._rate * factor

    def apply(self, loss: float) -> float | None:
        """Take the step that the gradients point to; returns their norm before clipping.

        None if they, or `loss`, are not finite: then the step is skipped. Raises `TrainingError`
        once that has happened `MAX_SKIPPED` times in a row.
        """
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._max_norm).item()
        sound = math.isfinite(norm) and math.isfinite(loss)
        if sound:
            self._adamw.step()
        self._adamw.zero_grad()
        self._skipped_in_a_row = 0 if sound else self._skipped_in_a_row + 1
        if self._skipped_in_a_row >= MAX_SKIPPED:
            raise TrainingError(
                f"{MAX_SKIPPED} updates in a row had losses or gradients that are not finite",
                "lower rl.params.learning_rate, or set rl.params.dtype=float32",
            )
        return norm if sound else None

    def state(self) -> dict[str, Any]:
        """What a resumed run needs beside the weights."""
        return self._adamw.state_dict()

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self._adamw.load_state_dict(state)


def rate_factor(done: int, steps: int, schedule: Schedule, warmup_steps: int) -> float:
    """What the learning rate is multiplied by after `done` of `steps` steps, in (0, 1].

    Linear warm-up whose first step is not lost to a rate of 0, then the schedule, over all steps.
    """
    warmup = min(1.0, (done + 1) / (warmup_steps + 1))
    share = done / steps
    match schedule:
        case "constant":
            return warmup
        case "linear":
            return warmup * (1 - share)
        case "cosine":
            return warmup * (1 + math.cos(math.pi * share)) / 2
