"""Whether a rewritten trace says what the tree holds: no step lost, none invented. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from astro.interfaces import StepFormat
from astro.types import Problem, Segment, SegmentKind

_NUMBER = re.compile(r"(?<![\w.)\]}])-?(?:\d+(?:[.,]\d+)*|\.\d+)|\d+(?:[.,]\d+)*")
"""With its sign, where a minus right before it is not one between two terms."""
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")


def faithful(
    problem: Problem, segments: Sequence[Segment], texts: Sequence[str], step_format: StepFormat
) -> bool:
    """Whether each passage of `texts` keeps to its segment.

    A step keeps all of its numbers and boxes. No passage holds a box that its segment does not, or
    a number that neither the problem nor a segment up to its own gave. Exactly the backtracks
    are recognised as such by the step format.
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
