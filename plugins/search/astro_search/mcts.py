"""Monte Carlo tree search over reasoning steps, by the equations of ASTRO (arXiv 2507.00417)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from astro.engine.answers import AnswerClasses
from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import BudgetExhausted, Program
from astro.types import Problem, SearchTree
from astro_search.blanks import sample_steps
from astro_search.expansion import candidates
from astro_search.judging import judge
from astro_search.params import MctsParams
from astro_search.selection import rule
from astro_search.tree import GrowingTree


class Mcts:
    """Search algorithm `mcts`.

    An iteration selects a leaf, samples `expand` actions there, verifies the terminal states that
    they lead to, has `value` estimate the others, and backs all of them up. A state is terminal if
    the step format says so, if the policy ended its response or, unverified and unsolved, at
    `max_depth`. With `revisit`, an iteration may end at a fully expanded node, which then counts
    another visit and costs no request.

    With `leaves` > 1, several iterations are in progress at once. Each path gets a virtual loss
    until its leaf is expanded, so the next selection tends elsewhere. A selection that arrives at a
    leaf already in progress waits until the round ends.

    A tree's `ended` is `finished`, `enough` (see `enough_correct`), `exhausted` (nothing left to
    expand), `cut` (`step_tokens` cut off every first step) or `budget`.
    """

    def __init__(
        self, params: MctsParams, *, value: ValueEstimator, step_format: StepFormat
    ) -> None:
        """Search with `params`; `value` estimates states that are not terminal."""
        self.params = params
        self.value = value
        self.step_format = step_format
        self._rule = rule(params.selection)

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:
        """Grow a tree. On `BudgetExhausted`, the steps that came back are kept in it."""
        tree = GrowingTree(problem)
        try:
            ended = yield from self._grow(tree, Random(seed))
        except BudgetExhausted:
            ended = "budget"
        return SearchTree(problem, tree.nodes, tree.ended(ended))

    def _grow(self, tree: GrowingTree, rng: Random) -> Program[str]:
        left, wrong = self.params.iterations, AnswerClasses(tree.problem)
        while left:
            if tree.fully_expanded():
                return "exhausted"
            leaves, spent = self._select(tree, min(left, self.params.leaves))
            left -= spent
            if leaves:
                yield from self._expand(tree, leaves, rng.getrandbits(32))
            if (yield from self._enough(tree, wrong)):
                return "enough"
        return "finished"

    def _select(self, tree: GrowingTree, iterations: int) -> tuple[list[int], int]:
        """Return distinct leaves to expand, and the iterations spent on them and on revisits."""
        paths: dict[int, list[int]] = {}
        spent = 0
        while spent < iterations:
            path = tree.select(self._rule, self.params.revisit)
            leaf = path[-1]
            if leaf in paths:
                break
            if tree.fully_expanded(leaf):
                tree.backup(leaf, visits=1)
            else:
                paths[leaf] = path
                tree.add_virtual_loss(path)
            spent += 1
        for path in paths.values():
            tree.add_virtual_loss(path, losses=-1)
        return list(paths), spent

    def _expand(self, tree: GrowingTree, leaves: Sequence[int], seed: int) -> Program[None]:
        states = [tree.state(leaf) for leaf in leaves]
        params, step_format = self.params, self.step_format
        asked = [(state, params.expand) for state in states]
        samples, spent = yield from sample_steps(asked, step_format, params)
        found = [
            candidate
            for leaf, state, completions in zip(leaves, states, samples, strict=True)
            for candidate in candidates(
                leaf, state, completions, step_format, params.max_depth, prior=params.prior
            )
        ]
        judged, whole = yield from judge(found, self.value, seed, by_verdict=True)
        for child in judged:
            tree.add(child)
        for leaf in leaves:
            tree.backup(leaf)
            tree.close_node(leaf)
        if spent or not whole:
            raise spent or BudgetExhausted

    def _enough(self, tree: GrowingTree, wrong: AnswerClasses) -> Program[bool]:
        """Whether the search may end. Only then is the verifier asked which answers are the same.

        `wrong` are the classes of wrong answers found so far.
        """
        correct, incorrect = self.params.enough_correct, self.params.enough_incorrect or 0
        if (correct is None and not incorrect) or tree.correct < (correct or 0):
            return False
        if len(tree.wrong_answers) >= incorrect:
            for answer in tree.wrong_answers:
                if len(wrong) < incorrect:
                    yield from wrong.join(answer)
        return len(wrong) >= incorrect
