"""The error of a model, tokenizer or device that cannot be used."""

from __future__ import annotations

from astro.errors import PolicyError, TrainingError


class CheckpointError(PolicyError, TrainingError):
    """Neither a policy nor a trainer can use this model, tokenizer or device."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
