"""Merging of root-to-terminal paths into one sequence (arXiv 2507.00417, Algorithm 1).

A path holds the ids of its nodes from the first step on, without the root, node 0.
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
    """One element of the sequence: its kind, and the node that it refers to.

    The node of a reflection is the last one of the path that it questions; that of a backtrack is
    the ancestor to which it returns.
    """

    kind: SegmentKind
    node: int


def shared_steps(first: Path, second: Path) -> int:
    """Return how many steps two paths have in common, from the root on."""
    differing = (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    return next(differing, min(len(first), len(second)))


def cut(paths: Sequence[Path], share: float, rng: Random) -> list[Path]:
    """Cut each path but the last one before its end, with probability `share`.

    A path that is cut keeps at least one step that neither the path before nor the one after has.
    """
    wrong = [
        _cut(path, max(shared_steps(path, before), shared_steps(path, after)) + 1, rng)
        if rng.random() < share
        else path
        for before, path, after in zip([(), *paths], paths, paths[1:], strict=False)
    ]
    return [*wrong, paths[-1]]


def merge(paths: Sequence[Path], at: Merge = "common_ancestor") -> list[Visit]:
    """Return the sequence that walks the paths one after the other.

    Each path but the last is followed by a reflection and a backtrack to the least common ancestor
    with the next path, or to the root. Of the next path, only the steps below that node follow.
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
    """Return the first steps of a path, at least `fewest` and, if possible, not all of them."""
    return path[: rng.randint(fewest, len(path) - 1)] if fewest < len(path) else path


def _steps(path: Path) -> list[Visit]:
    return [Visit(SegmentKind.STEP, node) for node in path]
