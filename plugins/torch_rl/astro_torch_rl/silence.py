"""Runs that have nothing left to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from statistics import fmean

from astro.errors import TrainingError

SOLVED = 0.99
"""A mean reward from which on silence is success."""


def silence(rows: Sequence[Mapping[str, float]], max_silent_steps: int) -> str:
    """Why a run is over: its last `max_silent_steps` steps were silent for all being right.

    Empty while it is not. Raises `TrainingError` if they were silent for another reason.
    """
    last = list(takewhile(lambda row: row["silent"], reversed(rows)))
    if len(last) < max_silent_steps:
        return ""
    reward = fmean(row["reward"] for row in last)
    if reward >= SOLVED:
        return f"training ended at step {rows[-1]['step']}: every response is right by now"
    raise TrainingError(
        f"nothing to learn from in {len(last)} steps: within each group all rewards are equal "
        f"(mean reward {reward:.3f})",
        "raise rl.params.group_size or temperature, take other problems, or train a better start "
        "model",
    )
