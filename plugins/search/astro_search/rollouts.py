"""Rollouts that are kept: their steps become nodes of the tree that the search never visited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from astro.data.parts import by_stop
from astro.errors import ConfigError
from astro.interfaces import RatesTerminals, Rollouts, RollsOut, StepFormat, ValueEstimator
from astro.requests import Program, Verify
from astro.types import Completion, Node, Problem, SearchTree, State, Step, Verdict
from astro_search.expansion import is_whole, reached_limit, words
from astro_search.judging import unsolved
from astro_search.params import StepSampling


@dataclass(frozen=True, slots=True)
class Branch:
    """Steps from the root, and how they end: `state` is terminal or not, with its verdict.

    `verified` says whether the verdict is that of just these steps.
    """

    state: State
    verdict: Verdict | None = None
    verified: bool = True


class KeptRollouts:
    """A value estimator that estimates as another does, and keeps the rollouts that it makes.

    `branches` are the paths of the rollouts, from the root. They end at the first terminal state,
    or where the token limit cut the rollout off.
    """

    rates_terminals: bool

    def __init__(
        self, value: ValueEstimator, step_format: StepFormat, params: StepSampling
    ) -> None:
        """Keep the rollouts of `value`.

        Raises:
            ConfigError: It makes none.
        """
        if not isinstance(value, RollsOut):
            raise ConfigError(
                ["search.params.keep_rollouts: the value makes no rollouts that can be kept"]
            )
        if isinstance(value, RatesTerminals):
            self.rates_terminals = True
        self.branches: list[Branch] = []
        self._value = value
        self._format = step_format
        self._params = params

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float | None]]:
        """One value per state, by the other estimator."""
        found = yield from self._value.roll_out(states, seed)
        for rollouts in found:
            self.branches += self._branches(rollouts)
        return [rollouts.value for rollouts in found]

    def verify(self) -> Program[None]:
        """Verify the ends whose verdict is not known, because their rollout went on after them."""
        unread = [i for i, branch in enumerate(self.branches) if not branch.verified]
        ends = [self.branches[i].state for i in unread]
        if ends:
            verdicts = yield [Verify(end.problem, end.response) for end in ends]
            for i, verdict in zip(unread, verdicts, strict=True):
                self.branches[i] = replace(self.branches[i], verdict=verdict, verified=True)

    def _branches(self, rollouts: Rollouts) -> Iterator[Branch]:
        for completion, verdict in zip(rollouts.completions, rollouts.verdicts, strict=True):
            yield self._branch(rollouts.state, completion, verdict)

    def _branch(self, state: State, completion: Completion, verdict: Verdict | None) -> Branch:
        """The path of a rollout; a blank step is a part of the step after it."""
        ended = is_whole(completion)
        steps = _steps(completion, self._format.stop)
        for number, step in enumerate(steps, start=1):
            last = ended and number == len(steps)
            after = state.then(step)
            if last or self._format.is_terminal(after):
                known = verdict is not None and ended and not _text(steps[number:]).strip()
                return Branch(state.then(step, terminal=True), verdict if known else None, known)
            if limit := reached_limit(after, self._params):
                return Branch(state.then(step, terminal=True), unsolved(limit))
            state = after
        return Branch(state)


def _steps(completion: Completion, stop: Sequence[str]) -> list[Step]:
    """The steps of a rollout, without one that the token limit cut off.

    Only the tokens of a rollout of a single step are known step by step.
    """
    text, ended = completion.text, is_whole(completion)
    steps, begin = list[str](), 0
    for end in by_stop(text, stop):
        if text[begin:end].strip():
            steps.append(text[begin:end])
            begin = end
    rest = text[begin:] if ended else ""
    if rest.strip() or (ended and not steps):
        steps.append(rest)
    elif rest:
        steps[-1] += rest
    if ended and len(steps) == 1:
        return [Step(text, completion.token_ids, min(sum(completion.logprobs), 0.0))]
    return [Step(step) for step in steps]


def _text(steps: Iterable[Step]) -> str:
    return "".join(step.text for step in steps)


def graft(nodes: list[Node], branches: Sequence[Branch]) -> None:
    """Add the steps of branches to a finished tree, as nodes that no visit counts.

    N and prior of such a node are 0, and its value is the reward of its verdict. The nodes that are
    there change only in that they get further children.
    """
    if not branches:
        return
    known = {
        (node.parent, words(node.step.text)): node for node in nodes if node.parent is not None
    }
    for branch in branches:
        above = nodes[0]
        for step in branch.state.steps:
            if above.terminal:
                break
            key = (above.id, words(step.text))
            if key not in known:
                known[key] = Node(len(nodes), above.id, step, above.depth + 1, prior=0.0)
                nodes.append(known[key])
                above.children.append(known[key].id)
            above = known[key]
            if step.token_ids and is_grafted(above):
                above.step = step
        else:
            _end(above, branch)


def _end(node: Node, branch: Branch) -> None:
    """Make a grafted node the end of a branch, unless another branch goes on after it."""
    if branch.state.terminal and branch.verified and is_grafted(node) and not node.children:
        node.terminal, node.verdict = True, branch.verdict
        node.value = branch.verdict.reward if branch.verdict else 0.0


def is_grafted(node: Node) -> bool:
    """Return whether a node was grafted, so that no visit counts it."""
    return not node.visit_count and not node.prior and node.parent is not None


def grafted_branches(problem: Problem, tree: SearchTree) -> list[Branch]:
    """Return the branches that end at the grafted leaves of a tree."""
    ends = [node for node in tree.nodes if is_grafted(node) and not node.children]
    return [
        Branch(
            State(problem, tuple(step.step for step in tree.path(end.id)), end.terminal),
            end.verdict,
        )
        for end in ends
    ]
