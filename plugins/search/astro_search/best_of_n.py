"""Best-of-n sampling as a tree: the baseline for a search at the same number of tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from astro.interfaces import RatesTerminals, StepFormat, ValueEstimator
from astro.requests import BudgetExhausted, Program
from astro.types import Node, Problem, SearchTree
from astro_search.blanks import sample_steps
from astro_search.expansion import Candidate, candidates
from astro_search.judging import judge_ends
from astro_search.params import BestOfNParams
from astro_search.rollouts import Branch, graft, grafted_branches
from astro_search.tree import GrowingTree
from astro_search.vote import Vote


class BestOfN:
    """Search algorithm `best_of_n`.

    `samples` responses grow step by step and independently, `at_once` of them at the same time.
    Responses that agree so far share a node, so paths have common ancestors as in a search. A
    response that the token limit cuts off within a step ends without a terminal. States are not
    valued: R is 0 except at terminals. N is the number of responses that took a step, and Q the
    share of correct ones among those of them that ended with a verdict which is no fault. Priors
    are normalized over the siblings found. With `stop`, the search ends once the vote over the
    answers is decided (see `Vote`); its tree has then `ended` `enough`.

    A value that rates terminal states rates those without a verdict. One that it does not know is
    the mean of the others, so that it neither wins nor loses a weighted vote.
    """

    def __init__(
        self,
        params: BestOfNParams,
        *,
        value: ValueEstimator,
        step_format: StepFormat,
    ) -> None:
        """Sample with `params`; `value` only rates terminal states that have no verdict."""
        self.params = params
        self.value = value
        self.step_format = step_format

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:
        """Grow a tree. On `BudgetExhausted`, the steps that came back are kept in it."""
        tree = GrowingTree(problem)
        tree.nodes[0].visit_count = 0
        return self._grown(tree, (), seed)

    def search_from(self, problem: Problem, tree: SearchTree, seed: int) -> Program[SearchTree]:
        """Add up to `samples` responses to a tree; the vote counts those that it has as well."""
        grown = GrowingTree.of(problem, tree)
        return self._grown(grown, grafted_branches(problem, tree), seed)

    def sampled(self, tree: SearchTree) -> int:
        """Return the visits of the root, one for each response."""
        return tree.nodes[0].visit_count

    def _grown(
        self, tree: GrowingTree, grafted: Sequence[Branch], seed: int
    ) -> Program[SearchTree]:
        vote = Vote(tree.problem, self.params) if self.params.stop else None
        ended = "finished"
        try:
            samples = self.params.drawn(self.params.samples)
            for start in range(0, samples, self.params.at_once):
                frontier = {0: min(self.params.at_once, samples - start)}
                while frontier:
                    frontier = yield from self._grow(tree, frontier, seed)
                left = max(0, samples - start - self.params.at_once)
                if vote and left and (yield from vote.is_over(tree, left)):
                    ended = "enough"
                    break
        except BudgetExhausted:
            ended = "budget"
        ended = tree.ended(ended)
        _back_up(tree.nodes)
        if isinstance(self.value, RatesTerminals):
            _fill_in(tree)
        graft(tree.nodes, grafted)
        return SearchTree(tree.problem, tree.nodes, ended)

    def _grow(
        self, tree: GrowingTree, frontier: dict[int, int], seed: int
    ) -> Program[dict[int, int]]:
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
                node, states[node], completions, self.step_format, self.params
            )
        ]
        unrated = yield from self._add(tree, found)
        tree.nodes[0].visit_count += len(samples.get(0, ()))
        taken: Counter[int] = Counter()
        for node_id, completions in samples.items():
            taken.update(child for child in tree.take(node_id, completions) if child is not None)
        for child, count in taken.items():
            tree.nodes[child].visit_count += count
        if unrated and isinstance(self.value, RatesTerminals):
            values = yield from self.value.estimate([tree.state(n) for n in unrated], seed)
            for node, value in zip(unrated, values, strict=True):
                tree.rate(node, value)
        if spent:
            raise spent
        return {child: count for child, count in taken.items() if not tree.nodes[child].terminal}

    def _add(self, tree: GrowingTree, found: list[Candidate]) -> Program[list[int]]:
        """Add the candidates that no earlier response has made.

        Returns the terminal nodes among them that have no verdict.
        """
        new = [c for c in found if tree.child(c.parent, c.action.step.text) is None]
        nodes = [tree.add(child) for child in (yield from judge_ends(new))]
        return [node.id for node in nodes if node.terminal and node.verdict is None]


def _fill_in(tree: GrowingTree) -> None:
    """Give terminal nodes of unknown value the mean of the known values."""
    unread = [node for node in tree.nodes if node.terminal and node.verdict is None]
    known = [node.value for node in unread if tree.value(node.id) is not None]
    for node in unread:
        if known and tree.value(node.id) is None:
            tree.rate(node.id, sum(known) / len(known))


def _back_up(nodes: list[Node]) -> None:
    """Set Q of each node to the mean reward of the responses that passed it and were judged."""
    judged = [0] * len(nodes)
    correct = [0.0] * len(nodes)
    for node in reversed(nodes):
        if node.verdict and not node.verdict.status.fault:
            judged[node.id] += node.visit_count
            correct[node.id] += node.visit_count * node.verdict.reward
        if judged[node.id]:
            node.q_value = correct[node.id] / judged[node.id]
        if node.parent is not None:
            judged[node.parent] += judged[node.id]
            correct[node.parent] += correct[node.id]
