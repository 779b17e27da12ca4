"""Parses a model's own response into parts: steps, reflections and backtracks."""

from __future__ import annotations

from collections.abc import Iterator

from astro.data.parts import Piece, by_stop, joined, pieces
from astro.interfaces import Parsing, SelfReflecting, StepFormat
from astro.types import SegmentKind
from astro_report.documents import PartEntry


def parts(response: str, step_format: StepFormat | None) -> list[PartEntry]:
    """The parts of a response, whose texts are the response.

    A step format that is not `Parsing` cuts it at the strings that end a step, and tells which of
    these steps is a backtrack or a reflection. Without a format, the response is one step.
    """
    if step_format is None:
        return [PartEntry("step", response)]
    if isinstance(step_format, Parsing):
        read = step_format.parts(response)
        return [PartEntry(part.kind.value, part.text, part.target) for part in read]
    return [PartEntry(kind.value, text) for kind, text in joined(_steps(response, step_format))]


def _steps(response: str, step_format: StepFormat) -> Iterator[Piece]:
    for _, text in pieces(response, by_stop(response, step_format.stop)):
        doubts = isinstance(step_format, SelfReflecting) and step_format.doubts(text)
        kind = SegmentKind.REFLECTION if doubts else SegmentKind.STEP
        yield SegmentKind.BACKTRACK if step_format.backtracks(text) else kind, text
