"""Best-of-n sampling as a tree: the baseline for a search at the same number of tokens."""

from __future__ import annotations

from collections import Counter

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import BudgetExhausted, Program
from astro.types import Node, Problem, SearchTree
from astro_search.blanks import sample_steps
from astro_search.expansion import Candidate, candidates, words
from astro_search.judging import judge_ends
from astro_search.params import BestOfNParams
from astro_search.tree import GrowingTree


class BestOfN:
    """Search algorithm `best_of_n`.

    `samples` responses grow step by step and independently, `at_once` of them at the same time.
    Responses that agree so far share a node, so paths have common ancestors as in a search. A
    response that the token limit cuts off within a step ends without a terminal. States are not
    valued: R is 0 except at terminals. Q is backed up as in the search, with one visit per node;
    priors are normalized over the siblings found.
    """

    def __init__(
        self,
        params: BestOfNParams,
        *,
        value: ValueEstimator,  # noqa: ARG002 - the interface of searches passes one
        step_format: StepFormat,
    ) -> None:
        """Sample with `params`; `value` is not used."""
        self.params = params
        self.step_format = step_format

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:  # noqa: ARG002
        """Grow a tree. On `BudgetExhausted`, the steps that came back are kept in it."""
        tree = GrowingTree(problem)
        try:
            samples = self.params.samples if self.params.temperature else 1
            for start in range(0, samples, self.params.at_once):
                frontier = {0: min(self.params.at_once, samples - start)}
                while frontier:
                    frontier = yield from self._grow(tree, frontier)
        except BudgetExhausted:
            return SearchTree(problem, tree.nodes, "budget")
        return SearchTree(problem, tree.nodes, tree.ended("finished"))

    def _grow(self, tree: GrowingTree, frontier: dict[int, int]) -> Program[dict[int, int]]:
        """Sample one step for every response; `frontier` maps nodes to numbers of responses.

        Returns the next frontier.
        """
        states = {node: tree.state(node) for node in frontier}
        asked = [(states[node], n) for node, n in frontier.items()]
        replies, spent = yield from sample_steps(asked, self.step_format, self.params)
        samples = dict(zip(frontier, replies, strict=True))
        found = [
            candidate
            for node, completions in samples.items()
            for candidate in candidates(
                node, states[node], completions, self.step_format, self.params.max_depth
            )
        ]
        nodes = yield from self._add(tree, found)
        for node_id in frontier:
            tree.backup(node_id)
            tree.share_prior(node_id)
        if spent:
            raise spent
        counts = {
            node: Counter(words(completion.text) for completion in completions)
            for node, completions in samples.items()
        }
        return {
            node.id: counts[candidate.parent][words(candidate.action.step.text)]
            for candidate, node in zip(found, nodes, strict=True)
            if not node.terminal
        }

    def _add(self, tree: GrowingTree, found: list[Candidate]) -> Program[list[Node]]:
        """Return the nodes of the candidates, adding those that no earlier response has made."""
        made = [tree.child(c.parent, c.action.step.text) for c in found]
        new = [c for c, node in zip(found, made, strict=True) if node is None]
        judged = yield from judge_ends(new)
        added = iter([tree.add(child) for child in judged])
        return [next(added) if node is None else tree.nodes[node] for node in made]
