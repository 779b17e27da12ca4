"""Sampling steps after several states at once: the part that the searches over steps share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import BudgetExhausted, Program
from astro.types import Problem, SearchTree
from astro_search.blanks import sample_steps
from astro_search.expansion import candidates
from astro_search.judging import judge
from astro_search.params import StepSampling
from astro_search.tree import GrowingTree

Sampled = dict[int, list[int | None]]
"""For each node, the child that each sample led to; None for a sample that the token limit cut."""


@dataclass(frozen=True, slots=True)
class StepSearch:
    """A search algorithm that is made of a function that grows a tree.

    `grow` gets the tree and random numbers, and returns why it ended.
    """

    grow: Callable[[GrowingTree, Random], Program[str]]

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:
        """Grow a tree. On `BudgetExhausted`, the steps that came back are kept in it."""
        tree = GrowingTree(problem)
        try:
            ended = yield from self.grow(tree, Random(seed))
        except BudgetExhausted:
            ended = "budget"
        return SearchTree(problem, tree.nodes, tree.ended(ended))


def best(tree: GrowingTree, nodes: Iterable[int], n: int) -> list[int]:
    """Return the `n` distinct nodes of highest value, the first of equal ones.

    A node whose value is unknown comes after those whose value is known.
    """
    distinct = dict.fromkeys(nodes)
    values = {node: tree.value(node) for node in distinct}
    return sorted(distinct, key=lambda node: _descending(values[node]))[:n]


def _descending(value: float | None) -> tuple[bool, float]:
    return value is None, -(value or 0.0)


def children(sampled: Sampled) -> list[int]:
    """Return the children that the samples led to, one for each whole sample."""
    return [child for steps in sampled.values() for child in steps if child is not None]


def unfinished(tree: GrowingTree, nodes: Iterable[int]) -> list[int]:
    """Return the nodes that are not terminal."""
    return [node for node in nodes if not tree.nodes[node].terminal]


def known_values(tree: GrowingTree, nodes: Sequence[int]) -> list[float]:
    """Return the values of nodes; the mean of the known ones, or 0, stands for unknown ones."""
    values = [tree.value(node) for node in nodes]
    known = [value for value in values if value is not None]
    mean = sum(known) / len(known) if known else 0.0
    return [mean if value is None else value for value in values]


def _count_again(tree: GrowingTree, led: Sequence[int | None], first: int) -> None:
    """Count a visit for each sample of a terminal node but the one that made it.

    Nodes from `first` on are new. A node therefore has as many votes as samples.
    """
    for child, samples in Counter(child for child in led if child is not None).items():
        if tree.nodes[child].terminal and tree.value(child) is not None:
            tree.backup(child, visits=samples - (child >= first))


class Stepper:
    """Samples steps, verifies the terminal states that they lead to, and estimates values.

    The value of a terminal state is that of the estimator if it rates terminal states
    (`astro.interfaces.RatesTerminals`), and otherwise the reward of its verdict. The verdict is
    then no part of the search, so that a search with a reward model never profits from the
    reference answer.
    """

    def __init__(
        self, params: StepSampling, *, value: ValueEstimator, step_format: StepFormat
    ) -> None:
        self.params = params
        self.value = value
        self.step_format = step_format

    def sample(self, tree: GrowingTree, counts: Mapping[int, int], seed: int) -> Program[Sampled]:
        """Sample `counts[node]` steps after each node, and add what they lead to to the tree.

        Raises:
            BudgetExhausted: It was spent. What came back is in the tree.
        """
        states = {node: tree.state(node) for node in counts}
        asked = [(states[node], n) for node, n in counts.items()]
        replies, spent = yield from sample_steps(asked, self.step_format, self.params)
        samples = dict(zip(counts, replies, strict=True))
        new = [
            candidate
            for node, completions in samples.items()
            for candidate in candidates(
                node, states[node], completions, self.step_format, self.params
            )
            if tree.child(node, candidate.action.step.text) is None
        ]
        judged, whole = yield from judge(new, self.value, seed, by_verdict=False)
        first = len(tree.nodes)
        for found in judged:
            tree.add(found)
        sampled: Sampled = {}
        for node, completions in samples.items():
            tree.backup(node)
            sampled[node] = tree.take(node, completions)
            _count_again(tree, sampled[node], first)
        if spent or not whole:
            raise spent or BudgetExhausted
        return sampled
