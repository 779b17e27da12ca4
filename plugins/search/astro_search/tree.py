"""A search tree under construction: adding nodes, backup, and selection of the next leaf."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from math import inf

from astro.engine.answers import answer_key
from astro.types import Completion, Node, Problem, SearchTree, State, Status, Step, Verdict
from astro_search.expansion import Candidate, is_whole, softmax, words
from astro_search.judging import Judged
from astro_search.params import Widening
from astro_search.rollouts import is_grafted
from astro_search.selection import Rule, allowed_children


class GrowingTree:
    """The nodes of a tree, and which of their subtrees are fully expanded.

    A node is *fully expanded* if its subtree has nothing left to expand: the node is terminal, it
    was expanded without finding an action, or all its children are fully expanded. With `widening`,
    a node with children can always be expanded again, so it is not fully expanded.
    """

    def __init__(self, problem: Problem, widening: Widening | None = None) -> None:
        """Start with the root, which counts one visit."""
        self.problem = problem
        self.widening = widening
        self.nodes = [Node(0, None, Step(""), 0, visit_count=1)]
        self.correct = 0
        self.wrong_answers: dict[str, None] = {}
        self.taken: Counter[int] = Counter()
        self._unvalued: set[int] = set()
        self._losses: Counter[int] = Counter()
        self._fully_expanded: set[int] = set()
        self._finished_children: Counter[int] = Counter()
        self._fruitless: Counter[int] = Counter()

    @classmethod
    def of(
        cls, problem: Problem, tree: SearchTree, widening: Widening | None = None
    ) -> GrowingTree:
        """Return a finished tree as one that grows on; grafted nodes are left out.

        Of a node without children it is not known whether it was expanded, so it may be again. Only
        a node with more visits than its children together has a known value.
        """
        kept = [node for node in tree.nodes if not is_grafted(node)]
        ids = {node.id: number for number, node in enumerate(kept)}
        grown = cls(problem, widening)
        grown.nodes = [
            replace(
                node,
                id=ids[node.id],
                parent=None if node.parent is None else ids[node.parent],
                children=[ids[child] for child in node.children if child in ids],
            )
            for node in kept
        ]
        for node in grown.nodes:
            grown.taken[node.id] = node.visit_count
            if node.visit_count == sum(grown.nodes[i].visit_count for i in node.children):
                grown._unvalued.add(node.id)
            if node.verdict is not None:
                grown._count(node.verdict)
            if node.terminal:
                grown._mark_fully_expanded(node.id)
        return grown

    def samples(self, node_id: int) -> list[Completion]:
        """Return a sample of each child of a node, for priors over old and new samples."""
        steps = [self.nodes[child].step for child in self.nodes[node_id].children]
        return [
            Completion(step.text, step.token_ids, (step.logprob,) if step.logprob else ())
            for step in steps
        ]

    def wanted(self, node_id: int, most: int) -> int:
        """Return how many children an expansion may add to a node, `most` at the most."""
        if self.widening is None:
            return most
        node = self.nodes[node_id]
        allowed = allowed_children(max(1, node.visit_count), self.widening)
        return min(most, allowed - len(node.children) - self._fruitless[node_id])

    def fully_expanded(self, node_id: int = 0) -> bool:
        """Whether a subtree, by default the whole tree, has nothing left to expand."""
        return node_id in self._fully_expanded

    def ended(self, reason: str) -> str:
        """Return why the search ended: `cut` if no first step was whole, otherwise `reason`."""
        return "cut" if len(self.nodes) == 1 and reason != "budget" else reason

    def state(self, node_id: int) -> State:
        """Return the state S_t at a node."""
        node = self.nodes[node_id]
        steps: list[Step] = []
        current = node
        while current.parent is not None:
            steps.append(current.step)
            current = self.nodes[current.parent]
        return State(self.problem, tuple(reversed(steps)), node.terminal)

    def child(self, node_id: int, text: str) -> int | None:
        """Return the child that a step of this text, white space aside, leads to, if any."""
        return self._children_by_words(node_id).get(words(text))

    def _children_by_words(self, node_id: int) -> dict[str, int]:
        """The first child of a node for each text of a step, white space aside."""
        return {words(self.nodes[i].step.text): i for i in reversed(self.nodes[node_id].children)}

    def new(self, node_id: int, found: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates that are no children yet; renew the priors of those that are."""
        if not self.nodes[node_id].children:
            return list(found)
        new, children = [], self._children_by_words(node_id)
        for candidate in found:
            child = children.get(words(candidate.action.step.text))
            if child is None:
                new.append(candidate)
            else:
                self.nodes[child].prior = candidate.action.prior
        return new

    def value(self, node_id: int) -> float | None:
        """Return the estimate of a state's own value; None if it is unknown."""
        return None if node_id in self._unvalued else self.nodes[node_id].value

    def rate(self, node_id: int, value: float | None) -> None:
        """Set the value of a node once it is known."""
        if value is not None:
            self.nodes[node_id].value = value
            self._unvalued.discard(node_id)

    def add(self, judged: Judged) -> Node:
        """Append a child. `backup` counts its visit.

        A child without a value has no visit of its own, so it moves no statistics.
        """
        (parent, action, state, limit), verdict, value = judged
        above = self.nodes[parent]
        node = Node(
            len(self.nodes),
            parent,
            action.step,
            above.depth + 1,
            terminal=state.terminal or bool(limit),
            prior=action.prior,
            value=value or 0.0,
            verdict=verdict,
        )
        if value is None:
            self._unvalued.add(node.id)
        self.nodes.append(node)
        above.children.append(node.id)
        if verdict is not None:
            self._count(verdict)
        return node

    def take(self, node_id: int, samples: Iterable[Completion]) -> list[int | None]:
        """Count samples at a node, and share the prior among its children.

        The children may come from several requests. Their priors are softmax-normalized
        log-probabilities or, if the policy gives none, shares of the samples.

        Returns:
            The child that each sample led to; None for a sample that the token limit cut off.
        """
        children = self._children_by_words(node_id)
        led = [children.get(words(s.text)) if is_whole(s) else None for s in samples]
        self.taken.update(child for child in led if child is not None)
        siblings = [self.nodes[i] for i in self.nodes[node_id].children]
        logprobs = [node.step.logprob for node in siblings]
        if any(logprobs):
            priors = softmax(logprobs)
        else:
            whole = sum(self.taken[node.id] for node in siblings)
            priors = [self.taken[node.id] / whole for node in siblings]
        for node, prior in zip(siblings, priors, strict=True):
            node.prior = prior
        return led

    def backup(self, node_id: int, visits: int = 0) -> None:
        """Count the first visit of each new child of a node, or `visits` of the node itself.

        For each visit, N += 1 on every node from the one visited to the root, and bottom-up

            Q(S_t,a) = (sum_i Q(S_t+1,a_i) N(S_t+1,a_i) + R(S_t+1)) / (sum_i N(S_t+1,a_i) + 1)

        where S_t+1 is the state that a leads to. A state's own R counts as its first visit, so
        N(S) = 1 + sum_i N(S,a_i) wherever there are children. Siblings share their path to the
        root, so a single pass gives the same result as one pass for each of them. The R of the
        root, to which no action leads, is 0. A state whose R is unknown has no visit of its own.
        """
        nodes = self.nodes
        for child in (nodes[i] for i in nodes[node_id].children):
            if not child.visit_count and child.id not in self._unvalued:
                child.visit_count, child.q_value = 1, child.value
                visits += 1
        current: int | None = node_id
        while current is not None:
            node = nodes[current]
            node.visit_count += visits
            total, count = node.value, int(current not in self._unvalued)
            for i in node.children:
                child = nodes[i]
                total += child.q_value * child.visit_count
                count += child.visit_count
            node.q_value = total / count if count else 0.0
            current = node.parent

    def close_node(self, node_id: int, found: int) -> None:
        """Update which subtrees are fully expanded, after an expansion added `found` children.

        One that found none counts as a child by progressive widening, lest it be repeated at once.
        """
        if not found:
            self._fruitless[node_id] += 1
        for child in self.nodes[node_id].children:
            if self.nodes[child].terminal:
                self._mark_fully_expanded(child)
        if not self.nodes[node_id].children:
            self._mark_fully_expanded(node_id)

    def add_virtual_loss(self, path: Iterable[int]) -> None:
        """Add a virtual visit of value 0 to each node of a path.

        It affects `select` until `clear_virtual_losses`, and not the statistics of the nodes.
        """
        self._losses.update(path)

    def clear_virtual_losses(self) -> None:
        """Remove all virtual visits."""
        self._losses.clear()

    def select(self, rule: Rule, revisit: bool) -> list[int]:
        """Return the path of node ids from the root to the leaf that the rule selects.

        The first of several children with the highest score wins. Unless `revisit`, fully expanded
        children are skipped as long as there are others; the root must not be fully expanded then.
        By progressive widening, the path ends at a node that may get more children.
        """
        path = [0]
        while self.nodes[path[-1]].children and not (
            self.widening and self.wanted(path[-1], 1) > 0
        ):
            best = self._best_child(path[-1], rule, revisit)
            path.append(self._best_child(path[-1], rule, revisit=True) if best < 0 else best)
        return path

    def _best_child(self, node_id: int, rule: Rule, revisit: bool) -> int:
        nodes, losses, closed = self.nodes, self._losses, self._fully_expanded
        node = nodes[node_id]
        score_of = rule(node.visit_count + losses.get(node_id, 0))
        best, best_score = -1, -inf
        for i in node.children:
            if i in closed and not revisit:
                continue
            child = nodes[i]
            visits, q = child.visit_count, child.q_value
            if i in losses:
                q *= visits / (visits + losses[i])
                visits += losses[i]
            score = score_of(q, child.prior, visits)
            if score > best_score:
                best, best_score = i, score
        return best

    def _count(self, verdict: Verdict) -> None:
        if verdict.correct:
            self.correct += 1
        elif verdict.status is Status.INCORRECT and verdict.answer is not None:
            self.wrong_answers[answer_key(verdict.answer)] = None

    def _mark_fully_expanded(self, node_id: int) -> None:
        current: int | None = node_id
        while current is not None and current not in self._fully_expanded:
            self._fully_expanded.add(current)
            current = self.nodes[current].parent
            if current is None or self.widening:
                return
            self._finished_children[current] += 1
            if self._finished_children[current] < len(self.nodes[current].children):
                return
