"""Tree of Thoughts (Yao et al. 2023, arXiv 2305.10601): breadth first and depth first."""

from __future__ import annotations

from functools import partial
from random import Random

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import Program
from astro_search.step_params import TotBfsParams, TotDfsParams
from astro_search.stepping import Stepper, StepSearch, best, children, unfinished
from astro_search.tree import GrowingTree


def tot_bfs(params: TotBfsParams, *, value: ValueEstimator, step_format: StepFormat) -> StepSearch:
    """Search algorithm `tot_bfs`, the paper's algorithm 1.

    At each depth, `expand` steps are sampled after each kept state, and the `width` unfinished
    states of highest value are kept. Terminal states are results and take no place among them.
    """
    stepper = Stepper(params, value=value, step_format=step_format)
    return StepSearch(partial(_grow_tot_bfs, params, stepper))


def _grow_tot_bfs(
    params: TotBfsParams, stepper: Stepper, tree: GrowingTree, rng: Random
) -> Program[str]:
    kept = [0]
    while kept:
        counts = dict.fromkeys(kept, params.expand)
        sampled = yield from stepper.sample(tree, counts, rng.getrandbits(32))
        kept = best(tree, unfinished(tree, children(sampled)), params.width)
    return "finished"


def tot_dfs(params: TotDfsParams, *, value: ValueEstimator, step_format: StepFormat) -> StepSearch:
    """Search algorithm `tot_dfs`, the paper's algorithm 2.

    The children of a state are visited in the order of their values. Those whose value is not
    above `threshold`, or unknown, are pruned; where none is left, the search returns to the latest
    state with unvisited children. It ends at `solutions` terminal states, or after `visits`.
    """
    stepper = Stepper(params, value=value, step_format=step_format)
    return StepSearch(partial(_grow_tot_dfs, params, stepper))


def _grow_tot_dfs(
    params: TotDfsParams, stepper: Stepper, tree: GrowingTree, rng: Random
) -> Program[str]:
    stack, visits, solutions = [0], 0, 0
    while stack:
        node = stack.pop()
        if tree.nodes[node].terminal:
            solutions += 1
            if solutions == params.solutions:
                return "enough"
        elif visits < params.visits:
            visits += 1
            counts = {node: params.expand}
            sampled = yield from stepper.sample(tree, counts, rng.getrandbits(32))
            ranked = best(tree, children(sampled), params.expand)
            stack += [i for i in reversed(ranked) if (tree.value(i) or 0.0) > params.threshold]
    return "exhausted" if visits < params.visits else "finished"
