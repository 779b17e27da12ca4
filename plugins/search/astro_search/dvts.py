"""Diverse verifier tree search: independent greedy searches from one root."""

from __future__ import annotations

from collections import Counter
from functools import partial
from random import Random

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import Program
from astro_search.step_params import DvtsParams
from astro_search.stepping import Stepper, StepSearch, best, unfinished
from astro_search.tree import GrowingTree


def dvts(params: DvtsParams, *, value: ValueEstimator, step_format: StepFormat) -> StepSearch:
    """Search algorithm `dvts` (Beeching, Tunstall and Rush 2024, "Scaling test-time compute").

    There are `samples` / `width` subtrees. At each depth, every unfinished subtree samples `width`
    steps after its state and goes on with the best of them, whatever the other subtrees found. A
    subtree ends when the best step is terminal, or when the token limit cut off all of its steps.
    At temperature 0, where all would be equal, there is one subtree of one step.
    """
    stepper = Stepper(params, value=value, step_format=step_format)
    return StepSearch(partial(_grow, params, stepper))


def _grow(params: DvtsParams, stepper: Stepper, tree: GrowingTree, rng: Random) -> Program[str]:
    width = params.drawn(params.width)
    subtrees = [0] * params.drawn(params.samples // params.width)
    while subtrees:
        counts = {node: n * width for node, n in Counter(subtrees).items()}
        sampled = yield from stepper.sample(tree, counts, rng.getrandbits(32))
        unused = {node: iter(steps) for node, steps in sampled.items()}
        chosen = list[int]()
        for node in subtrees:
            own = [next(unused[node]) for _ in range(width)]
            chosen += best(tree, [child for child in own if child is not None], 1)
        subtrees = unfinished(tree, chosen)
    return "finished"
