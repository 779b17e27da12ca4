"""A tree that grows: adding, backing up, and finding the next leaf."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from astro.types import Node, Problem, State, Status, Step, Verdict
from astro_search.expansion import Action
from astro_search.selection import Rule


class GrowingTree:
    """Nodes, and which of their subtrees are explored.

    A node is *explored* when its subtree has nothing left to expand: it is terminal, it was
    expanded without finding an action, or all its children are explored.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.nodes = [Node(0, None, Step(""), 0, visit_count=1)]
        self.correct = 0
        self.wrong_answers: set[str] = set()
        self._losses = [0]
        self._explored = [False]
        self._unexplored_children = [0]

    def explored(self, node_id: int = 0) -> bool:
        """Whether a subtree, by default the whole tree, has nothing left to expand."""
        return self._explored[node_id]

    def state(self, node_id: int) -> State:
        """S_t at a node."""
        node = self.nodes[node_id]
        steps: list[Step] = []
        walk = node
        while walk.parent is not None:
            steps.append(walk.step)
            walk = self.nodes[walk.parent]
        return State(self.problem, tuple(reversed(steps)), node.terminal)

    def add(self, parent: int, action: Action, value: float, verdict: Verdict | None) -> Node:
        """Append a child. It is terminal if it has a verdict. Its visit is counted by `backup`."""
        above = self.nodes[parent]
        node = Node(
            len(self.nodes),
            parent,
            action.step,
            above.depth + 1,
            terminal=verdict is not None,
            prior=action.prior,
            value=value,
            verdict=verdict,
        )
        self.nodes.append(node)
        above.children.append(node.id)
        self._losses.append(0)
        self._explored.append(False)
        self._unexplored_children.append(0)
        self._unexplored_children[parent] += 1
        if verdict is not None:
            self._count(verdict)
        return node

    def backup(self, node_id: int, visits: int = 0) -> None:
        """Count the first visit of each new child of a node, or `visits` of the node itself.

        N += 1 on every node from the one visited to the root, once for each visit, and, bottom-up,

            Q(S_t,a) = (sum_i Q(S_t+1,a_i) N(S_t+1,a_i) + R(S_t+1)) / (sum_i N(S_t+1,a_i) + 1)

        where S_t+1 is the state that a leads to. A state's own R counts as its first visit, so
        N(S) = 1 + sum_i N(S,a_i) wherever there are children. Siblings share their path, so one
        pass serves them all, with the result of one pass for each. The R of the root, to which no
        action led, is 0.
        """
        nodes = self.nodes
        for child in (nodes[i] for i in nodes[node_id].children):
            if not child.visit_count:
                child.visit_count, child.q_value = 1, child.value
                visits += 1
        walk: int | None = node_id
        while walk is not None:
            node = nodes[walk]
            node.visit_count += visits
            total, count = node.value, 1
            for i in node.children:
                child = nodes[i]
                total += child.q_value * child.visit_count
                count += child.visit_count
            node.q_value = total / count
            walk = node.parent

    def close(self, node_id: int) -> None:
        """Note what is explored, after the children of a node are all there."""
        for child in self.nodes[node_id].children:
            if self.nodes[child].terminal:
                self._mark_explored(child)
        if not self.nodes[node_id].children:
            self._mark_explored(node_id)

    def hold(self, path: Iterable[int], losses: int = 1) -> None:
        """Count virtual visits of value 0 on a path; negative `losses` take them back.

        `select` sees them, the nodes never do.
        """
        for node_id in path:
            self._losses[node_id] += losses

    def select(self, rule: Rule, revisit: bool) -> list[int]:
        """The path of node ids from the root to the leaf that the rule leads to.

        Of equal scores the first child wins. Unless `revisit`, explored children are passed over;
        the root must not be explored then.
        """
        path = [0]
        while self.nodes[path[-1]].children:
            path.append(self._best_child(path[-1], rule, revisit))
        return path

    def _best_child(self, node_id: int, rule: Rule, revisit: bool) -> int:
        node, losses = self.nodes[node_id], self._losses
        parent_visits = node.visit_count + losses[node_id]
        best, best_score = -1, -inf
        for i in node.children:
            if self._explored[i] and not revisit:
                continue
            child = self.nodes[i]
            visits, q = child.visit_count, child.q_value
            if losses[i]:
                q *= visits / (visits + losses[i])
                visits += losses[i]
            score = rule(q, child.prior, parent_visits, visits)
            if score > best_score:
                best, best_score = i, score
        return best

    def _count(self, verdict: Verdict) -> None:
        if verdict.correct:
            self.correct += 1
        elif verdict.status is Status.INCORRECT and verdict.answer is not None:
            self.wrong_answers.add(verdict.answer)

    def _mark_explored(self, node_id: int) -> None:
        walk: int | None = node_id
        while walk is not None and not self._explored[walk]:
            self._explored[walk] = True
            walk = self.nodes[walk].parent
            if walk is None:
                return
            self._unexplored_children[walk] -= 1
            if self._unexplored_children[walk]:
                return
