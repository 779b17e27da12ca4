"""Best-of-n sampling as a tree: the baseline for a search at the same number of tokens."""

from __future__ import annotations

from collections import Counter

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import BudgetExhausted, Program, Verify, paid
from astro.types import Node, Problem, SearchTree, Verdict
from astro_search.expansion import Candidate, candidates, softmax, step_request, verdict_of
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
        replies, spent = yield from paid(
            [
                step_request(states[node], n, self.step_format, self.params)
                for node, n in frontier.items()
            ]
        )
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
            _set_priors(tree, node_id)
        if spent:
            raise spent
        counts = {
            node: Counter(completion.text for completion in completions)
            for node, completions in samples.items()
        }
        return {
            node.id: counts[candidate.parent][candidate.action.step.text]
            for candidate, node in zip(found, nodes, strict=True)
            if not node.terminal
        }

    def _add(self, tree: GrowingTree, found: list[Candidate]) -> Program[list[Node]]:
        """Return the nodes of the candidates, adding those that no earlier response has made."""
        made = [_child(tree, candidate) for candidate in found]
        new = [c for c, node in zip(found, made, strict=True) if node is None]
        ended = [c.state for c in new if c.state.terminal]
        verdicts = iter((yield [Verify(s.problem, s.response) for s in ended]) if ended else [])
        return [
            node or _add_node(tree, candidate, verdict_of(candidate, verdicts))
            for candidate, node in zip(found, made, strict=True)
        ]


def _add_node(tree: GrowingTree, candidate: Candidate, verdict: Verdict | None) -> Node:
    reward = verdict.reward if verdict else 0.0
    return tree.add(candidate.parent, candidate.action, reward, verdict)


def _child(tree: GrowingTree, candidate: Candidate) -> Node | None:
    """Return the node that an earlier response has made for this step, if any."""
    children = (tree.nodes[i] for i in tree.nodes[candidate.parent].children)
    return next((c for c in children if c.step.text == candidate.action.step.text), None)


def _set_priors(tree: GrowingTree, node_id: int) -> None:
    children = [tree.nodes[i] for i in tree.nodes[node_id].children]
    for child, prior in zip(children, softmax([c.step.logprob for c in children]), strict=True):
        child.prior = prior
