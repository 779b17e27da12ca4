"""Linearizer `direct`: correct paths only, as the control of an experiment."""

from __future__ import annotations

from astro.interfaces import StepFormat
from astro_linearize.backtrack import Backtrack
from astro_linearize.params import BacktrackParams, DirectParams


def Direct(params: DirectParams, *, step_format: StepFormat) -> Backtrack:  # noqa: N802
    """Return the linearizer `backtrack` with k = 0."""
    return Backtrack(
        BacktrackParams(max_backtracks=0, **params.model_dump()), step_format=step_format
    )
