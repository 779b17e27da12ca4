"""The vote over the answers of a tree while it grows, and when it is decided."""

from __future__ import annotations

from collections import Counter

from astro.engine.answers import AnswerClasses, answer_key, read_answers
from astro.requests import Program
from astro.types import Problem
from astro_search.params import BestOfNParams
from astro_search.stopping import cannot_be_caught, leader_probability
from astro_search.tree import GrowingTree


class Vote:
    """Counts the responses of each class of equivalent answers.

    Responses without an answer have no vote, but count as sampled. The rules are those of
    `astro_search.stopping`.
    """

    def __init__(self, problem: Problem, params: BestOfNParams) -> None:
        self._problem = problem
        self._params = params
        self._classes = AnswerClasses(problem)
        self._class_of: dict[int, str | None] = {}

    def is_over(self, tree: GrowingTree, remaining: int) -> Program[bool]:
        """Whether the leader is decided with `remaining` responses to come."""
        yield from self._read(tree)
        counts: Counter[str] = Counter()
        for node, name in self._class_of.items():
            if name is not None:
                counts[name] += tree.nodes[node].visit_count
        votes = list(counts.values())
        if self._params.stop == "cannot_be_caught":
            return cannot_be_caught(votes, remaining)
        return leader_probability(votes) > self._params.threshold

    def _read(self, tree: GrowingTree) -> Program[None]:
        """Find the classes of the terminal nodes that are new."""
        new = [n for n in tree.nodes if n.terminal and n.id not in self._class_of]
        unread = [node for node in new if node.verdict is None]
        texts = [tree.state(node.id).response for node in unread]
        answers = {node.id: node.verdict.vote for node in new if node.verdict}
        read = yield from read_answers(self._problem, texts)
        answers |= {node.id: answer for node, answer in zip(unread, read, strict=True)}
        for node in new:
            answer = answers[node.id]
            key = None if answer is None else answer_key(answer)
            self._class_of[node.id] = key and (yield from self._classes.join(key))
