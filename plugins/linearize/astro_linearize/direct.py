"""Linearizer `direct`: the control arm, correct paths only."""

from __future__ import annotations

from astro.interfaces import StepFormat
from astro_linearize.backtrack import Backtrack
from astro_linearize.params import BacktrackParams, DirectParams


def Direct(params: DirectParams, *, step_format: StepFormat) -> Backtrack:  # noqa: N802
    """`backtrack` with k = 0."""
    return Backtrack(
        BacktrackParams(max_backtracks=0, **params.model_dump()), step_format=step_format
    )
