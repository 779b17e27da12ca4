"""Monte Carlo tree search over reasoning steps, by the equations of ASTRO (arXiv 2507.00417)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from astro.engine.answers import AnswerClasses
from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import BudgetExhausted, Program
from astro.types import Completion, Problem, SearchTree
from astro_search.blanks import sample_steps
from astro_search.expansion import Candidate, candidates
from astro_search.judging import judge
from astro_search.params import MctsParams
from astro_search.rollouts import Branch, KeptRollouts, graft, grafted_branches
from astro_search.selection import rule
from astro_search.tree import GrowingTree


class Mcts:
    """Search algorithm `mcts`.

    An iteration selects a leaf, samples `expand` actions there, verifies the terminal states that
    they lead to, has `value` estimate the others, and backs all of them up. A state is terminal if
    the step format says so, if the policy ended its response or, unverified and unsolved, at
    `max_depth` or `max_path_tokens`. With `revisit`, an iteration may end at a fully expanded node,
    which then counts another visit and costs no request.

    With `widening`, a node is expanded again once its visits allow another child; `expand` is then
    the largest number of actions sampled at a time. With `keep_rollouts`, the steps of the rollouts
    of `value` are nodes of the finished tree. They are grafted when the search has ended, so that
    they move no statistics, and they do not count for `enough_correct` and `enough_incorrect`.

    With `leaves` > 1, several iterations are in progress at once. Each path gets a virtual loss
    until its leaf is expanded, so the next selection tends elsewhere. A selection that arrives at a
    leaf already in progress waits until the round ends.

    A tree's `ended` is `finished`, `enough` (see `enough_correct`), `exhausted` (nothing left to
    expand), `cut` (`step_tokens` cut off every first step) or `budget`.
    """

    def __init__(
        self, params: MctsParams, *, value: ValueEstimator, step_format: StepFormat
    ) -> None:
        """Search with `params`; `value` estimates states that are not terminal.

        Raises:
            ConfigError: `keep_rollouts` is set, and the value makes no rollouts.
        """
        self.params = params
        self.value = value
        self.step_format = step_format
        self._rule = rule(params.selection)
        self._estimator()

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:
        """Grow a tree. On `BudgetExhausted`, the steps that came back are kept in it."""
        return self._grown(GrowingTree(problem, self.params.widening), (), seed)

    def search_from(self, problem: Problem, tree: SearchTree, seed: int) -> Program[SearchTree]:
        """Go on from a tree for as many `iterations` as a new search has."""
        grown = GrowingTree.of(problem, tree, self.params.widening)
        return self._grown(grown, grafted_branches(problem, tree), seed)

    def _grown(
        self, tree: GrowingTree, grafted: Sequence[Branch], seed: int
    ) -> Program[SearchTree]:
        value = self._estimator()
        try:
            ended = yield from self._grow(tree, value, Random(seed))
        except BudgetExhausted:
            ended = "budget"
        ended = tree.ended(ended)
        if isinstance(value, KeptRollouts):
            grafted = [*grafted, *value.branches]
        graft(tree.nodes, grafted)
        return SearchTree(tree.problem, tree.nodes, ended)

    def _estimator(self) -> ValueEstimator:
        """The value estimator of one search, which keeps that search's rollouts."""
        if not self.params.keep_rollouts:
            return self.value
        return KeptRollouts(self.value, self.step_format, self.params)

    def _grow(self, tree: GrowingTree, value: ValueEstimator, rng: Random) -> Program[str]:
        left, wrong = self.params.iterations, AnswerClasses(tree.problem)
        samples: dict[int, list[Completion]] = {}
        while left:
            if tree.fully_expanded():
                return "exhausted"
            leaves, spent = self._select(tree, min(left, self.params.leaves))
            left -= spent
            if leaves:
                yield from self._expand(tree, leaves, samples, value, rng.getrandbits(32))
            if (yield from self._enough(tree, wrong)):
                return "enough"
        return "finished"

    def _select(self, tree: GrowingTree, iterations: int) -> tuple[list[int], int]:
        """Return distinct leaves to expand, and the iterations spent on them and on revisits."""
        leaves: list[int] = []
        spent = 0
        while spent < iterations:
            path = tree.select(self._rule, self.params.revisit)
            leaf = path[-1]
            if leaf in leaves:
                break
            if tree.fully_expanded(leaf):
                tree.backup(leaf, visits=int(tree.value(leaf) is not None))
            else:
                leaves.append(leaf)
                tree.add_virtual_loss(path)
            spent += 1
        tree.clear_virtual_losses()
        return leaves, spent

    def _expand(
        self,
        tree: GrowingTree,
        leaves: Sequence[int],
        samples: dict[int, list[Completion]],
        value: ValueEstimator,
        seed: int,
    ) -> Program[None]:
        """Sample actions at leaves, and add the states that they lead to.

        `samples` holds what was sampled before at each node that widening may expand again.
        """
        states = {leaf: tree.state(leaf) for leaf in leaves}
        params, step_format = self.params, self.step_format
        asked = [(state, tree.wanted(leaf, params.expand)) for leaf, state in states.items()]
        replies, spent = yield from sample_steps(asked, step_format, params)
        found: dict[int, list[Candidate]] = {}
        for (leaf, state), completions in zip(states.items(), replies, strict=True):
            seen = completions
            if params.widening:
                seen = samples[leaf] = [*(samples.get(leaf) or tree.samples(leaf)), *seen]
            after = candidates(leaf, state, seen, step_format, params, prior=params.prior)
            found[leaf] = tree.new(leaf, after)
        new = [candidate for each in found.values() for candidate in each]
        judged, whole = yield from judge(new, value, seed, by_verdict=True)
        for child in judged:
            tree.add(child)
        for leaf in leaves:
            tree.backup(leaf)
            tree.close_node(leaf, len(found[leaf]))
        if spent or not whole:
            raise spent or BudgetExhausted
        if isinstance(value, KeptRollouts):
            yield from value.verify()

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
