"""Fidelity of a rewritten trace to its tree: no step is lost, and none is invented."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from astro.interfaces import Headed, StepFormat
from astro.types import Problem, Segment, SegmentKind

_NUMBER = re.compile(r"(?<![\w.)\]}])-?(?:\d+(?:[.,]\d+)*|\.\d+)|\d+(?:[.,]\d+)*")
"""A number with its sign; a minus between two terms is not a sign."""
_STEP_NUMBER = re.compile(r"(?i)\bsteps? \d{1,6}\b")
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")


def faithful(
    problem: Problem, segments: Sequence[Segment], texts: Sequence[str], step_format: StepFormat
) -> bool:
    """Return whether each passage of `texts` is faithful to its segment.

    A step keeps all its numbers and boxes. No passage has a box that its segment does not have, or
    a number that occurs neither in the problem nor in a segment up to its own. The step format
    recognizes exactly the backtracks as backtracks. If it is `Headed`, the numbers of its headers
    do not count, except in a backtrack, which keeps the one of the step that it returns to.
    """
    headed = isinstance(step_format, Headed)
    known = set(_numbers(problem.prompt))
    for segment, passage in zip(segments, texts, strict=True):
        returns = segment.kind is SegmentKind.BACKTRACK
        text = _STEP_NUMBER.sub("", passage) if headed and not returns else passage
        own = set(_numbers(segment.text))
        known |= set() if headed and returns else own
        if not (_keeps(segment, text, headed) and set(_numbers(text)) <= known | own):
            return False
        if bool(step_format.backtracks(passage)) != (segment.kind is SegmentKind.BACKTRACK):
            return False
    return True


def _keeps(segment: Segment, text: str, headed: bool) -> bool:
    if _BOXED.findall(text) != _BOXED.findall(segment.text):
        return False
    returns = segment.kind is SegmentKind.BACKTRACK
    said = _STEP_NUMBER.sub("", segment.text) if headed and not returns else segment.text
    lost = Counter(_numbers(said)) - Counter(_numbers(text))
    return not lost or not (segment.kind is SegmentKind.STEP or (headed and returns))


def _numbers(text: str) -> list[str]:
    return _NUMBER.findall(text)
