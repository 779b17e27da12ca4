"""AB-MCTS-A: at each node, Thompson sampling decides whether to go wider or deeper."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from random import Random

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import Program
from astro_search.posteriors import Arms, prior
from astro_search.step_params import AbMctsParams
from astro_search.stepping import Stepper, StepSearch
from astro_search.tree import GrowingTree


def ab_mcts(params: AbMctsParams, *, value: ValueEstimator, step_format: StepFormat) -> StepSearch:
    """Search algorithm `ab_mcts` (Inoue et al. 2025, arXiv 2503.04412, AB-MCTS-A).

    Each node has an arm GEN, which samples a new step after it, an arm CONT, which goes on with a
    child, and one arm for each child. From the root, the arm of GEN or CONT that draws the higher
    mean reward is taken, after CONT the child with the highest draw, until GEN samples a step. The
    value of the new state counts for GEN of its parent and for itself, and at each node above for
    CONT and for the child on the path. Terminal children are not gone on with; a node without
    other children samples a step.
    """
    stepper = Stepper(params, value=value, step_format=step_format)
    return StepSearch(partial(_grow, params, stepper))


def _grow(params: AbMctsParams, stepper: Stepper, tree: GrowingTree, rng: Random) -> Program[str]:
    kind = params.posterior
    arms = defaultdict[int, Arms](lambda: Arms(prior(kind), prior(kind)))
    for _ in range(params.iterations):
        path = select(tree, arms, rng)
        sampled = yield from stepper.sample(tree, {path[-1]: 1}, rng.getrandbits(32))
        (child,) = sampled[path[-1]]
        reward = None if child is None else tree.value(child)
        if child is not None and reward is not None:
            arms[path[-1]].children.setdefault(child, prior(kind))
            observe(arms, [*path, child], reward)
    return "finished"


def select(tree: GrowingTree, arms: Mapping[int, Arms], rng: Random) -> list[int]:
    """Return the path from the root to the node after which a step is to be sampled."""
    path = [0]
    while True:
        arm = arms[path[-1]]
        going_on = [i for i in arm.children if not tree.nodes[i].terminal]
        if not going_on or arm.gen.draw(rng) >= arm.cont.draw(rng):
            return path
        draws = {child: arm.children[child].draw(rng) for child in going_on}
        path.append(max(draws, key=draws.__getitem__))


def observe(arms: Mapping[int, Arms], path: Sequence[int], reward: float) -> None:
    """Update the arms along a path, whose last node is the one that was sampled."""
    *above, parent, child = path
    arms[parent].gen.observe(reward)
    arms[parent].children[child].observe(reward)
    for node, next_node in pairwise([*above, parent]):
        arms[node].cont.observe(reward)
        arms[node].children[next_node].observe(reward)
