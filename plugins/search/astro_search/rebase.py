"""REBASE: the samples of each depth are divided among the states by their rewards."""

from __future__ import annotations

from functools import partial
from random import Random

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import Program
from astro_search.allotment import widths
from astro_search.step_params import RebaseParams
from astro_search.stepping import Stepper, StepSearch, children, known_values, unfinished
from astro_search.tree import GrowingTree


def rebase(params: RebaseParams, *, value: ValueEstimator, step_format: StepFormat) -> StepSearch:
    """Search algorithm `rebase` (Wu et al. 2024, arXiv 2408.00724, section 3.2).

    At each depth, the unfinished states share `samples` less those that ended in a terminal state,
    in proportion to exp(R / `reward_temperature`).
    """
    stepper = Stepper(params, value=value, step_format=step_format)
    return StepSearch(partial(_grow, params, stepper))


def _grow(params: RebaseParams, stepper: Stepper, tree: GrowingTree, rng: Random) -> Program[str]:
    left = params.samples
    counts = {0: left}
    while counts:
        sampled = yield from stepper.sample(tree, counts, rng.getrandbits(32))
        reached = children(sampled)
        states = list(dict.fromkeys(unfinished(tree, reached)))
        left -= len(reached) - len(unfinished(tree, reached))
        parts = _parts(params, tree, states, left)
        counts = {node: n for node, n in zip(states, parts, strict=True) if n}
    return "finished"


def _parts(params: RebaseParams, tree: GrowingTree, states: list[int], left: int) -> list[int]:
    rewards = known_values(tree, states)
    return widths(rewards, params.reward_temperature, left) if states else []
