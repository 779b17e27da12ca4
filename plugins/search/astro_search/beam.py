"""Beam search over reasoning steps."""

from __future__ import annotations

from functools import partial
from random import Random

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import Program
from astro_search.step_params import BeamParams
from astro_search.stepping import Stepper, StepSearch, best, children, unfinished
from astro_search.tree import GrowingTree


def beam(params: BeamParams, *, value: ValueEstimator, step_format: StepFormat) -> StepSearch:
    """Search algorithm `beam` (Snell et al. 2024, arXiv 2408.03314, section 5.2).

    At each depth, `expand` steps are sampled after each unfinished path of the pool, and the pool
    becomes the `width` paths of highest value among the new ones and the finished ones that it
    had. A finished path therefore keeps its place for as long as its value is high enough; it is
    never extended or copied. At the root, `width` times `expand` steps are sampled.
    """
    stepper = Stepper(params, value=value, step_format=step_format)
    return StepSearch(partial(_grow, params, stepper))


def _grow(params: BeamParams, stepper: Stepper, tree: GrowingTree, rng: Random) -> Program[str]:
    pool, counts = [0], {0: params.per_level()}
    while counts:
        sampled = yield from stepper.sample(tree, counts, rng.getrandbits(32))
        finished = [node for node in pool if tree.nodes[node].terminal]
        pool = best(tree, [*finished, *children(sampled)], params.width)
        counts = dict.fromkeys(unfinished(tree, pool), params.expand)
    return "finished"
