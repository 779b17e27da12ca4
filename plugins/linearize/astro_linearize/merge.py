"""Merging root-to-terminal paths into one sequence: the paper's Algorithm 1. Pure.

A path is the ids of its nodes from the first step on; the root, node 0, is not among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from astro.types import SegmentKind

ROOT = 0
Path = Sequence[int]


@dataclass(frozen=True, slots=True)
class Visit:
    """What happens next in the sequence, and at which node. A reflection's is the terminal that
    it judges, a backtrack's the ancestor to which it returns."""

    kind: SegmentKind
    node: int


def shared_steps(first: Path, second: Path) -> int:
    """How many steps two paths have in common, from the root on."""
    differing = (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    return next(differing, min(len(first), len(second)))


def merge(paths: Sequence[Path]) -> list[Visit]:
    """Walk the paths one after the other.

    At the end of each but the last there is a reflection, then a backtrack to the least common
    ancestor with the next, of which only the steps below that ancestor are walked.
    """
    visits = _steps(paths[0])
    for here, there in pairwise(paths):
        shared = shared_steps(here, there)
        ancestor = here[shared - 1] if shared else ROOT
        visits.append(Visit(SegmentKind.REFLECTION, here[-1]))
        visits.append(Visit(SegmentKind.BACKTRACK, ancestor))
        visits += _steps(there[shared:])
    return visits


def _steps(path: Path) -> list[Visit]:
    return [Visit(SegmentKind.STEP, node) for node in path]
