"""AdamW (arXiv 1711.05101) with a schedule and clipped gradients; non-finite steps are skipped."""

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


class Optimizer:
    """Updates those of `parameters` that need a gradient, at `rate` times the schedule."""

    def __init__(self, parameters: Iterable[Parameter], rate: float, params: TrainParams) -> None:
        self._rate = rate
        self._max_norm = params.max_grad_norm
        self._parameters = [p for p in parameters if p.requires_grad]
        self._adamw = torch.optim.AdamW(
            self._parameters, lr=rate, betas=params.betas, weight_decay=params.weight_decay
        )
        self._skipped_in_a_row = 0

    def set_rate(self, factor: float) -> float:
        """Set the learning rate to `factor` times its full value, and return it."""
        for group in self._adamw.param_groups:
            group["lr"] = self._rate * factor
        return self._rate * factor

    def apply(self, loss: float) -> float | None:
        """Update the parameters, and return the norm of the gradients before clipping.

        Returns None, and skips the update, if the gradients or `loss` are not finite.

        Raises:
            TrainingError: `MAX_SKIPPED` updates in a row were skipped.
        """
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._max_norm).item()
        finite = math.isfinite(norm) and math.isfinite(loss)
        if finite:
            self._adamw.step()
        self._adamw.zero_grad()
        self._skipped_in_a_row = 0 if finite else self._skipped_in_a_row + 1
        if self._skipped_in_a_row >= MAX_SKIPPED:
            raise TrainingError(
                f"{MAX_SKIPPED} updates in a row had losses or gradients that are not finite",
                "lower rl.params.learning_rate, or set rl.params.dtype=float32",
            )
        return norm if finite else None

    def state(self) -> dict[str, Any]:
        """Return the state that a resumed run needs in addition to the weights."""
        return self._adamw.state_dict()

    def load_state(self, state: dict[str, Any]) -> None:
        """Load a state that `state` returned."""
        self._adamw.load_state_dict(state)


def rate_factor(done: int, steps: int, schedule: Schedule, warmup_steps: int) -> float:
    """Return the factor of the learning rate after `done` of `steps` steps, in (0, 1].

    A linear warm-up, whose first factor is above 0 so that no step is lost, times the schedule over
    all steps.
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
