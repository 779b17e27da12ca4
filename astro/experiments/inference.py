"""Search by the base model at inference, to compare with single responses of trained models."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from astro.runs.context import RunContext
from astro.runs.stages.search import STAGE as SEARCH
from astro.runs.stages.search import search_tasks, tree_fields
from astro.types import SearchTree

STAGE = "inference"


@dataclass(frozen=True, slots=True)
class Searched:
    """The result of the base model's search of the held-out problems.

    Attributes:
        seed: The seed.
        budget: The token budget of a search.
        tokens: The mean number of tokens that a search spent.
        solved: The share of problems with a correct solution in their tree, in percent. Because the
            verifier guides the search, this has to be compared with pass@n rather than maj@n.
    """

    seed: int
    budget: int
    tokens: float
    solved: float


def search_at_inference(run: RunContext) -> Searched:
    """Search each held-out problem with the config and budget of the run.

    Raises:
        AstroError: A set cannot be loaded, or too many searches failed.
    """
    tasks = [
        task
        for held in run.held_out()
        for task in search_tasks(run, held.problems, f"{STAGE}/{held.name}")
    ]
    policy, spend = run.policy("base", SEARCH), run.config.budget
    run.run_tasks(STAGE, "trees", tasks, policy=policy, fields=tree_fields, budget=spend)
    tokens = sum(tokens for _, _, tokens in run.journal.outcomes(f"{STAGE}/"))
    trees = (
        msgspec.json.decode(tree, type=SearchTree) for tree in run.results(t.key for t in tasks)
    )
    solved = 100 * sum(tree.solved for tree in trees) / len(tasks)
    return Searched(run.config.seed, spend.tokens or 0, tokens / len(tasks), solved)
