"""Merging root-to-terminal paths into one sequence: the paper's Algorithm 1. Pure.

A path is the ids of its nodes from the first step on; the root, node 0, is not among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from astro.types import SegmentKind
from astro_linearize.params import Merge

ROOT = 0
Path = Sequence[int]


@dataclass(frozen=True, slots=True)
class Visit:
    """What happens next in the sequence, and at which node. A reflection's is the last one of the
    path that it judges, a backtrack's the ancestor to which it returns."""

    kind: SegmentKind
    node: int


def shared_steps(first: Path, second: Path) -> int:
    """How many steps two paths have in common, from the root on."""
    differing = (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    return next(differing, min(len(first), len(second)))


def cut(paths: Sequence[Path], share: float, rng: Random) -> list[Path]:
    """The paths, where each but the last is, with the chance `share`, left before its end.

    It keeps at least one step of its own, which neither the path before nor the one after has.
    """
    wrong = [
        _cut(path, max(shared_steps(path, before), shared_steps(path, after)) + 1, rng)
        if rng.random() < share
        else path
        for before, path, after in zip([(), *paths], paths, paths[1:], strict=False)
    ]
    return [*wrong, paths[-1]]


def merge(paths: Sequence[Path], at: Merge = "common_ancestor") -> list[Visit]:
    """Walk the paths one after the other.

    At the end of each but the last there is a reflection, then a backtrack to the least common
    ancestor with the next, or to the root. Of the next, only the steps below it are walked.
    """
    visits = _steps(paths[0])
    for here, there in pairwise(paths):
        shared = shared_steps(here, there) if at == "common_ancestor" else 0
        ancestor = here[shared - 1] if shared else ROOT
        visits.append(Visit(SegmentKind.REFLECTION, here[-1]))
        visits.append(Visit(SegmentKind.BACKTRACK, ancestor))
        visits += _steps(there[shared:])
    return visits


def _cut(path: Path, fewest: int, rng: Random) -> Path:
    """The first steps of a path, `fewest` or more, and not all of them where that can be."""
    return path[: rng.randint(fewest, len(path) - 1)] if fewest < len(path) else path


def _steps(path: Path) -> list[Visit]:
    return [Visit(SegmentKind.STEP, node) for node in path]
