"""Independent samples as a tree: what a search is compared with at the same number of tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from astro.interfaces import StepFormat, ValueEstimator
from astro.requests import BudgetExhausted, Generate, Program, Verify
from astro.types import Completion, Node, Problem, SearchTree, State, Status, Verdict
from astro_search.expansion import Action, actions, softmax
from astro_search.params import BestOfNParams
from astro_search.tree import GrowingTree

TOO_DEEP = Verdict(Status.UNPARSED, reason="depth limit")


class Step(NamedTuple):
    """A step that `samples` responses take at a node, and the state that it leads to."""

    node: int
    action: Action
    state: State
    samples: int


class BestOfN:
    """Search algorithm `best_of_n`.

    `samples` responses grow step by step, each on its own, `at_once` of them together; those that
    agree so far share a node, so that a tree's paths have common ancestors as a search's have. A
    response that the token limit cuts off within a step ends without a terminal. No state is
    valued: R is 0 but at terminals. Q follows by the search's backup, with a visit for each node;
    priors are those of the siblings found.
    """

    def __init__(
        self,
        params: BestOfNParams,
        *,
        value: ValueEstimator,  # noqa: ARG002 - every search is given one
        step_format: StepFormat,
    ) -> None:
        self.params = params
        self.step_format = step_format

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:  # noqa: ARG002
        """Grow a tree. On `BudgetExhausted` the steps under way leave no mark on it."""
        tree = GrowingTree(problem)
        try:
            for start in range(0, self.params.samples, self.params.at_once):
                frontier = {0: min(self.params.at_once, self.params.samples - start)}
                while frontier:
                    frontier = yield from self._grow(tree, frontier)
        except BudgetExhausted:
            return SearchTree(problem, tree.nodes, "budget")
        return SearchTree(problem, tree.nodes)

    def _grow(self, tree: GrowingTree, frontier: dict[int, int]) -> Program[dict[int, int]]:
        """Take a step in every response, and return how many are at which of the new nodes."""
        states = {node: tree.state(node) for node in frontier}
        requests = [self._generate(states[node], n) for node, n in frontier.items()]
        replies = yield list(requests)
        steps = [
            step
            for node, completions in zip(frontier, replies, strict=True)
            for step in self._steps(node, states[node], completions)
        ]
        found = {(step.node, step.action.step.text): _child(tree, step) for step in steps}
        new = [step for step in steps if found[step.node, step.action.step.text] is None]
        ended = [step.state for step in new if step.state.terminal]
        verdicts = iter((yield [Verify(s.problem, s.response) for s in ended]) if ended else [])
        for step in new:
            verdict = next(verdicts) if step.state.terminal else self._too_deep(step.state)
            reward = verdict.reward if verdict else 0.0
            node = tree.add(step.node, step.action, reward, verdict)
            found[step.node, step.action.step.text] = node
        for node_id in frontier:
            tree.backup(node_id)
            _set_priors(tree, node_id)
        at = [(found[step.node, step.action.step.text], step.samples) for step in steps]
        return {node.id: samples for node, samples in at if node and not node.terminal}

    def _steps(self, node: int, state: State, completions: Sequence[Completion]) -> list[Step]:
        alike = Counter(completion.text for completion in completions)
        steps = []
        for action in actions(completions):
            after = state.then(action.step)
            terminal = action.ends or self.step_format.is_terminal(after)
            after = state.then(action.step, terminal=terminal)
            steps.append(Step(node, action, after, alike[action.step.text]))
        return steps

    def _too_deep(self, state: State) -> Verdict | None:
        return TOO_DEEP if len(state.steps) >= self.params.max_depth else None

    def _generate(self, state: State, n: int) -> Generate:
        params = self.params
        return Generate(
            state.prompt,
            n=n,
            stop=self.step_format.stop,
            max_tokens=params.step_tokens,
            temperature=params.temperature,
            top_p=params.top_p,
        )


def _child(tree: GrowingTree, step: Step) -> Node | None:
    """The node that an earlier response has left there."""
    children = (tree.nodes[i] for i in tree.nodes[step.node].children)
    return next((child for child in children if child.step.text == step.action.step.text), None)


def _set_priors(tree: GrowingTree, node_id: int) -> None:
    children = [tree.nodes[i] for i in tree.nodes[node_id].children]
    for child, prior in zip(children, softmax([c.step.logprob for c in children]), strict=True):
        child.prior = prior
