"""Rendering of merged paths as the segments of a trace."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from astro.interfaces import HeaderCompleting, SelfReflecting, StepFormat
from astro.types import SearchTree, Segment, SegmentKind, State, Step
from astro_linearize.merge import Path, Visit, merge
from astro_linearize.params import BacktrackParams


def render(
    tree: SearchTree,
    paths: Sequence[Path],
    step_format: StepFormat,
    params: BacktrackParams,
    rng: Random,
) -> tuple[Segment, ...]:
    """Return the segments that walk `paths`, the last of which is the correct one.

    Steps that the correct path shares are always trained on, as reflections and backtracks are. A
    step off it in which the policy itself doubts is a reflection. An empty one leaves no segment.
    """
    goal = set(paths[-1])
    doubter = step_format if isinstance(step_format, SelfReflecting) else None
    segments = []
    for visit in merge(paths, params.merge):
        kind, shared = visit.kind, visit.node in goal
        step = _words(tree, visit, step_format, rng)
        if kind is SegmentKind.STEP and not shared and doubter and doubter.doubts(step.text):
            kind = SegmentKind.REFLECTION
        if kind is SegmentKind.REFLECTION and not params.reflect:
            step = Step(_joint(tree, visit, step_format))
        train = kind is not SegmentKind.STEP or shared or params.train_wrong_steps
        if kind is not SegmentKind.REFLECTION or step.text:
            segments.append(Segment(step.text, visit.node, kind, train, step.token_ids))
    return tuple(segments)


def fits(segments: Sequence[Segment], params: BacktrackParams) -> bool:
    """Return whether a trace keeps to `max_chars` and `max_tokens`."""
    chars = sum(len(segment.text) for segment in segments)
    if params.max_chars is not None and chars > params.max_chars:
        return False
    tokens = sum(len(segment.token_ids) or len(segment.text.split()) for segment in segments)
    return params.max_tokens is None or tokens <= params.max_tokens


def _words(tree: SearchTree, visit: Visit, step_format: StepFormat, rng: Random) -> Step:
    """Return the visited step, or a phrase of the step format, which has no sampled tokens."""
    if visit.kind is SegmentKind.STEP:
        return tree.nodes[visit.node].step
    if visit.kind is SegmentKind.REFLECTION:
        return Step(step_format.reflection(_state(tree, visit.node), rng))
    return Step(step_format.backtrack(_state(tree, visit.node), rng))


def _joint(tree: SearchTree, visit: Visit, step_format: StepFormat) -> str:
    """Return what replaces a reflection that is left out; nothing for a step of the policy."""
    if visit.kind is SegmentKind.REFLECTION and isinstance(step_format, HeaderCompleting):
        return step_format.joint(_state(tree, visit.node))
    return ""


def _state(tree: SearchTree, node: int) -> State:
    steps = tuple(step.step for step in tree.path(node))
    return State(tree.problem, steps, tree.nodes[node].terminal)
