"""Fidelity of a rewritten trace to its tree: no step is lost, and none is invented."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from astro.interfaces import StepFormat
from astro.types import Problem, Segment, SegmentKind

_NUMBER = re.compile(r"(?<![\w.)\]}])-?(?:\d+(?:[.,]\d+)*|\.\d+)|\d+(?:[.,]\d+)*")
"""A number with its sign; a minus between two terms is not a sign."""
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")


def faithful(
    problem: Problem, segments: Sequence[Segment], texts: Sequence[str], step_format: StepFormat
) -> bool:
    """Return whether each passage of `texts` is faithful to its segment.

    A step keeps all its numbers and boxes. No passage has a box that its segment does not have, or
    a number that occurs neither in the problem nor in a segment up to its own. The step format
    recognizes exactly the backtracks as backtracks.
    """
    known = set(_numbers(problem.prompt))
    for segment, text in zip(segments, texts, strict=True):
        known |= set(_numbers(segment.text))
        if not (_keeps(segment, text) and set(_numbers(text)) <= known):
            return False
        if bool(step_format.backtracks(text)) != (segment.kind is SegmentKind.BACKTRACK):
            return False
    return True


def _keeps(segment: Segment, text: str) -> bool:
    if _BOXED.findall(text) != _BOXED.findall(segment.text):
        return False
    lost = Counter(_numbers(segment.text)) - Counter(_numbers(text))
    return segment.kind is not SegmentKind.STEP or not lost


def _numbers(text: str) -> list[str]:
    return _NUMBER.findall(text)
