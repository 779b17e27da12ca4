"""Early stopping of a training whose responses no longer differ in reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from statistics import fmean

from astro.errors import TrainingError

SOLVED = 0.99
"""The mean reward at or above which all problems count as solved."""


def early_stop(rows: Sequence[Mapping[str, float]], max_silent_steps: int) -> str:
    """Return why a training ends early; empty if it continues.

    A step is silent if all its rewards are equal, so that there is nothing to learn from. A
    training ends when the last `max_silent_steps` steps were silent because all responses were
    correct.

    Raises:
        TrainingError: These steps were silent for another reason.
    """
    last = list(takewhile(lambda row: row["silent"], reversed(rows)))
    if len(last) < max_silent_steps:
        return ""
    reward = fmean(row["reward"] for row in last)
    if reward >= SOLVED:
        return f"training ended at step {rows[-1]['step']}: every response is correct"
    raise TrainingError(
        f"nothing to learn from in {len(last)} steps: within each group all rewards are equal "
        f"(mean reward {reward:.3f})",
        "raise rl.params.group_size or temperature, take other problems, or train a better start "
        "model",
    )
