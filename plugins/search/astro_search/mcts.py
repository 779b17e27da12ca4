"""Monte Carlo tree search over reasoning steps, by the equations of ASTRO (arXiv 2507.00417)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import BudgetExhausted, Generate, Program, Verify
from astro.types import Completion, Problem, SearchTree, State, Status, Verdict
from astro_search.expansion import Action, actions
from astro_search.params import MctsParams
from astro_search.programs import alongside
from astro_search.selection import rule
from astro_search.tree import GrowingTree

TOO_DEEP = Verdict(Status.UNPARSED, reason="depth limit")


class Candidate(NamedTuple):
    """A child to be: the leaf below which it goes, how it came about, and its state."""

    leaf: int
    action: Action
    state: State
    too_deep: bool


class Mcts:
    """Search algorithm `mcts`.

    An iteration selects a leaf, samples `expand` actions there, verifies the terminal states that
    they lead to, has `value` estimate the others, and backs all of them up. A state is terminal if
    the step format says so, if the policy ended its response, or, unverified and unsolved, at
    `max_depth`. With `revisit` an iteration may end at an explored node, which then counts a visit
    and costs no request.

    With `leaves` > 1 several iterations are under way at once. Each path counts a virtual loss
    until its leaf is expanded, so the next selection tends elsewhere; one that meets a leaf already
    under way waits for the round to end.

    A tree's `ended` is `finished`, `enough` (see `enough_correct`), `exhausted` (nothing left to
    expand) or `budget`.
    """

    def __init__(
        self, params: MctsParams, *, value: ValueEstimator, step_format: StepFormat
    ) -> None:
        self.params = params
        self.value = value
        self.step_format = step_format
        self._rule = rule(params.selection)

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:
        """Grow a tree. On `BudgetExhausted` the round under way leaves no mark on it."""
        tree = GrowingTree(problem)
        try:
            ended = yield from self._grow(tree, Random(seed))
        except BudgetExhausted:
            ended = "budget"
        return SearchTree(problem, tree.nodes, ended)

    def _grow(self, tree: GrowingTree, rng: Random) -> Program[str]:
        left = self.params.iterations
        while left:
            if tree.explored():
                return "exhausted"
            leaves, spent = self._select(tree, min(left, self.params.leaves))
            left -= spent
            if leaves:
                yield from self._expand(tree, leaves, rng.getrandbits(32))
            if self._enough(tree):
                return "enough"
        return "finished"

    def _select(self, tree: GrowingTree, iterations: int) -> tuple[list[int], int]:
        """Distinct leaves to expand, and the iterations spent on them and on revisits."""
        paths: dict[int, list[int]] = {}
        spent = 0
        while spent < iterations:
            path = tree.select(self._rule, self.params.revisit)
            leaf = path[-1]
            if leaf in paths:
                break
            if tree.explored(leaf):
                tree.backup(leaf, visits=1)
            else:
                paths[leaf] = path
                tree.hold(path)
            spent += 1
        for path in paths.values():
            tree.hold(path, losses=-1)
        return list(paths), spent

    def _expand(self, tree: GrowingTree, leaves: Sequence[int], seed: int) -> Program[None]:
        states = [tree.state(leaf) for leaf in leaves]
        samples = yield [self._generate(state) for state in states]
        found = [
            candidate
            for leaf, state, completions in zip(leaves, states, samples, strict=True)
            for candidate in self._candidates(leaf, state, completions)
        ]
        verdicts, values = yield from self._judge(found, seed)
        _add(tree, found, verdicts, values)
        for leaf in leaves:
            tree.backup(leaf)
            tree.close(leaf)

    def _generate(self, state: State) -> Generate:
        params = self.params
        return Generate(
            state.prompt,
            n=params.expand,
            stop=self.step_format.stop,
            max_tokens=params.step_tokens,
            temperature=params.temperature,
            top_p=params.top_p,
        )

    def _candidates(
        self, leaf: int, state: State, completions: Sequence[Completion]
    ) -> Iterable[Candidate]:
        at_limit = len(state.steps) + 1 >= self.params.max_depth
        for action in actions(completions):
            after = state.then(action.step)
            if action.ends or self.step_format.is_terminal(after):
                yield Candidate(leaf, action, state.then(action.step, terminal=True), False)
            else:
                yield Candidate(leaf, action, after, at_limit)

    def _judge(
        self, found: Sequence[Candidate], seed: int
    ) -> Program[tuple[list[Verdict], list[float]]]:
        """Verdicts of the terminal candidates, and values of those to be searched further."""
        requests = [Verify(c.state.problem, c.state.response) for c in found if c.state.terminal]
        states = [c.state for c in found if not (c.state.terminal or c.too_deep)]
        if states:
            return (yield from alongside(requests, self.value.estimate(states, seed)))
        verdicts = (yield list(requests)) if requests else []
        return verdicts, []

    def _enough(self, tree: GrowingTree) -> bool:
        correct, incorrect = self.params.enough_correct, self.params.enough_incorrect
        if correct is None and incorrect is None:
            return False
        return tree.correct >= (correct or 0) and len(tree.wrong_answers) >= (incorrect or 0)


def _add(
    tree: GrowingTree,
    found: Sequence[Candidate],
    verdicts: Sequence[Verdict],
    values: Sequence[float],
) -> None:
    """Add the candidates in order, each with the next verdict or the next value."""
    next_verdict, next_value = iter(verdicts), iter(values)
    for candidate in found:
        verdict = None
        if candidate.too_deep:
            verdict = TOO_DEEP
        elif candidate.state.terminal:
            verdict = next(next_verdict)
        value = verdict.reward if verdict else next(next_value)
        tree.add(candidate.leaf, candidate.action, value, verdict)
