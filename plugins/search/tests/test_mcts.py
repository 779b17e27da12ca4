"""What holds for every tree, and equality with a plain reading of the paper."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import log, sqrt
from time import process_time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astro.requests import Generate, Verify
from astro.types import Completion, FinishReason, Node, Problem, SearchTree, Status, Verdict

Make = Callable[..., Any]
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def shape(tree: SearchTree) -> list[tuple[Any, ...]]:
    return [
        (n.parent, n.step, n.terminal, n.prior, n.visit_count, n.q_value, n.verdict)
        for n in tree.nodes
    ]


def check_invariants(tree: SearchTree, max_depth: int = 50) -> None:
    for index, node in enumerate(tree.nodes):
        children = [tree.nodes[i] for i in node.children]
        assert node.id == index
        assert 0 <= node.q_value <= 1
        assert node.depth <= max_depth
        assert node.terminal == (node.verdict is not None)
        assert all(child.parent == index and child.depth == node.depth + 1 for child in children)
        assert len({child.step.text for child in children}) == len(children)
        if children:
            assert not node.terminal
            assert sum(child.prior for child in children) == pytest.approx(1)
            visits = sum(child.visit_count for child in children)
            assert node.visit_count == 1 + visits
            total = sum(child.q_value * child.visit_count for child in children)
            assert node.q_value == pytest.approx((total + node.value) / (visits + 1))
        elif node.id:
            assert node.q_value == node.value
            assert node.visit_count >= (tree.ended != "budget")
        if node.verdict is not None:
            assert node.value == node.verdict.reward


@quick
@given(
    salt=st.integers(0, 10**6),
    expand=st.integers(1, 6),
    iterations=st.integers(1, 40),
    leaves=st.integers(1, 5),
    max_depth=st.integers(1, 6),
    revisit=st.booleans(),
    name=st.sampled_from(["puct", "uct"]),
)
def test_invariants(
    make_mcts: Make, make_world: Make, problem: Problem, salt: int, name: str, **params: Any
) -> None:
    search = make_mcts(selection={"name": name}, **params)
    world = make_world(salt=salt)
    tree = world.drive(search.search(problem, seed=salt))
    check_invariants(tree, params["max_depth"])
    again = make_world(salt=salt).drive(search.search(problem, seed=salt))
    assert shape(again) == shape(tree)
    assert all(batch for batch in world.batches)
    sampled = sum(
        isinstance(r, Generate) and r.n == params["expand"] for b in world.batches for r in b
    )
    if params["expand"] > 1:
        assert sampled <= params["iterations"]


@quick
@given(salt=st.integers(0, 10**6), leaves=st.integers(1, 4), batches=st.integers(0, 30))
def test_a_spent_budget_leaves_a_consistent_tree(
    make_mcts: Make, make_world: Make, problem: Problem, *, salt: int, leaves: int, batches: int
) -> None:
    search = make_mcts(expand=3, iterations=20, leaves=leaves)
    whole = make_world(salt=salt).drive(search.search(problem, seed=1))
    cut = make_world(salt=salt).drive(search.search(problem, seed=1), batches)
    check_invariants(cut)
    for node, grown in zip(cut.nodes, whole.nodes, strict=False):
        value = grown.value if node.visit_count else 0.0
        assert (node.parent, node.step, node.value) == (grown.parent, grown.step, value)
    assert cut.ended == "budget" or len(cut.nodes) == len(whole.nodes)


class Reference:
    """The paper's equations by recursion from the definitions, with nothing kept up to date."""

    def __init__(self, tree: SearchTree, revisit: bool, uct: bool) -> None:
        self.full, self.revisit, self.uct = tree.nodes, revisit, uct
        self.expanded: set[int] = set()
        self.revisits = [0] * len(tree.nodes)

    def children(self, node: Node) -> list[Node]:
        return [self.full[i] for i in node.children] if node.id in self.expanded else []

    def n(self, node: Node) -> int:
        return 1 + self.revisits[node.id] + sum(self.n(child) for child in self.children(node))

    def q(self, node: Node) -> float:
        children = self.children(node)
        total = sum(self.q(child) * self.n(child) for child in children) + node.value
        return total / (sum(self.n(child) for child in children) + 1)

    def fully_expanded(self, node: Node) -> bool:
        if node.id not in self.expanded:
            return node.terminal
        return all(self.fully_expanded(child) for child in self.children(node))

    def score(self, node: Node, child: Node) -> float:
        if self.uct:
            return self.q(child) + sqrt(2 * log(self.n(node)) / self.n(child))
        return self.q(child) + child.prior * sqrt(self.n(node)) / (1 + self.n(child))

    def iterate(self) -> None:
        node = self.full[0]
        while self.children(node):
            open_ = [c for c in self.children(node) if self.revisit or not self.fully_expanded(c)]
            node = max(open_, key=lambda child, at=node: self.score(at, child))
        if node.terminal or node.id in self.expanded:
            self.revisits[node.id] += 1
        self.expanded.add(node.id)


@quick
@given(salt=st.integers(0, 10**6), revisit=st.booleans(), uct=st.booleans())
def test_equal_to_the_reference(
    make_mcts: Make, make_world: Make, problem: Problem, *, salt: int, revisit: bool, uct: bool
) -> None:
    """A reference that expands the same steps must expand the same nodes and find the same N, Q."""
    rule = {"name": "uct" if uct else "puct"}
    search = make_mcts(expand=3, iterations=25, max_depth=4, revisit=revisit, selection=rule)
    tree = make_world(salt=salt).drive(search.search(problem, seed=0))
    reference = Reference(tree, revisit, uct)
    for _ in range(25):
        if not reference.fully_expanded(tree.nodes[0]):
            reference.iterate()
    with_children = {node.id for node in tree.nodes if node.children}
    assert {i for i in reference.expanded if tree.nodes[i].children} == with_children
    for node in tree.nodes:
        assert node.visit_count == reference.n(node)
        assert node.q_value == pytest.approx(reference.q(node))


def test_a_finite_problem_is_exhausted(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem
) -> None:
    script = {
        "": [make_sample("a\n", 0.5), make_sample("=1\n", 0.5)],
        "a\n": [make_sample("b\n", 0.5), make_sample("=2\n", 0.5)],
        "a\nb\n": [make_sample("c", 1.0, FinishReason.LENGTH)],
    }
    search = make_mcts({"a\n": 0.0, "b\n": 0.0}, iterations=1000)
    tree = make_world(script).drive(search.search(problem, seed=0))
    assert tree.ended == "exhausted"
    assert [node.step.text for node in tree.nodes[1:]] == ["a\n", "=1\n", "b\n", "=2\n"]


def test_a_fully_expanded_subtree_does_not_trap_the_search(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem
) -> None:
    """Q = 1 and almost all the prior on `=1`, yet every iteration expands something."""
    script = {"": [make_sample("=1\n", 0.98), make_sample("a\n", 0.02)]}
    script |= {"a\n" * i: [make_sample("a\n", 0.5)] for i in range(1, 10)}
    search = make_mcts({"a\n": 0.0}, iterations=6)
    tree = make_world(script).drive(search.search(problem, seed=0))
    assert max(node.depth for node in tree.nodes) == 6


def test_at_the_depth_limit_a_state_is_terminal_unsolved_and_unverified(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem
) -> None:
    script = {
        "": [make_sample("a\n", 1.0)],
        "a\n": [make_sample("b\n", 0.5), make_sample("=1\n", 0.5)],
    }
    world = make_world(script)
    tree = world.drive(make_mcts({"a\n": 0.5}, max_depth=2).search(problem, seed=0))
    assert tree.ended == "exhausted"
    _, _, too_deep, solved = tree.nodes
    assert too_deep.terminal and too_deep.value == 0
    assert too_deep.verdict is not None
    assert (too_deep.verdict.status, too_deep.verdict.answer) == (Status.UNPARSED, None)
    assert solved.verdict is not None and solved.verdict.correct
    verified = [r.response for batch in world.batches for r in batch if isinstance(r, Verify)]
    assert verified == ["a\n=1\n"]


def test_the_end_of_sequence_is_terminal(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem
) -> None:
    script = {"": [make_sample("1", 1.0, FinishReason.EOS)]}
    tree = make_world(script).drive(make_mcts({}).search(problem, seed=0))
    assert tree.solved
    assert tree.nodes[1].q_value == 1


@pytest.mark.parametrize(("correct", "incorrect"), [(2, None), (None, 2), (2, 2)])
def test_enough_ends_it(
    make_mcts: Make,
    make_world: Make,
    problem: Problem,
    correct: int | None,
    incorrect: int | None,
) -> None:
    search = make_mcts(expand=4, iterations=500, enough_correct=correct, enough_incorrect=incorrect)
    tree = make_world(salt=3).drive(search.search(problem, seed=0))
    verdicts = [node.verdict for node in tree.nodes if node.verdict]
    assert tree.ended == "enough"
    assert sum(verdict.correct for verdict in verdicts) >= (correct or 0)
    wrong = {verdict.answer for verdict in verdicts if not verdict.correct}
    assert len(wrong) >= (incorrect or 0)
    assert len(tree.nodes) < 200


@pytest.mark.parametrize(("incorrect", "ended"), [(2, "enough"), (3, "finished")])
def test_equivalent_wrong_answers_are_one(
    make_mcts: Make, make_world: Make, problem: Problem, incorrect: int, ended: str
) -> None:
    """1/2, 0.5 and $1/2$ are one answer, and 7 is another; a is never solved."""

    class Numbers(make_world):  # type: ignore[misc]
        def reply(self, request: Any) -> Any:
            if not isinstance(request, Verify):
                return super().reply(request)
            boxed = request.response.removeprefix(r"\boxed{").removesuffix("}")
            answer = boxed.splitlines()[-1].removeprefix("=")
            right = number(answer) == number(request.problem.answer)
            return Verdict(Status.CORRECT if right else Status.INCORRECT, answer)

    answers = ["=1/2\n", "=0.5\n", "=$1/2$\n", "=7\n", "a\n"]
    steps = [Completion(text, (1,), (-1.0,)) for text in answers]
    script = {"": steps, **{"a\n" * n: steps[-1:] for n in range(1, 9)}}
    search = make_mcts({"a\n": 0.5}, iterations=8, enough_incorrect=incorrect)
    world = Numbers(script)
    tree = world.drive(search.search(problem, seed=0))
    assert tree.ended == ended
    asked = [r for batch in world.batches for r in batch if isinstance(r, Verify) and r.comparison]
    assert [(r.problem.answer, r.response) for r in asked] == [
        ("0.5", r"\boxed{1/2}"),
        ("7", r"\boxed{1/2}"),
    ]


def number(answer: str) -> Fraction:
    return Fraction(answer.strip("$"))


def test_leaves_under_way_at_once_share_batches(
    make_mcts: Make, make_world: Make, problem: Problem
) -> None:
    def sampled(leaves: int) -> list[int]:
        world = make_world(salt=5)
        world.drive(make_mcts(expand=4, iterations=33, leaves=leaves).search(problem, seed=0))
        counts = [sum(isinstance(r, Generate) and r.n == 4 for r in b) for b in world.batches]
        return [count for count in counts if count]

    assert sampled(1) == [1] * 33
    assert sum(sampled(8)) == 33
    assert max(sampled(8)) >= 4
    assert len(sampled(8)) < 14


def test_verification_and_values_travel_together(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem
) -> None:
    world = make_world({"": [make_sample("=1\n", 0.5), make_sample("a\n", 0.5)]})
    world.drive(make_mcts(iterations=1).search(problem, seed=0))
    assert [[type(request) for request in batch] for batch in world.batches] == [
        [Generate],
        [Verify, Generate],
    ]


def test_the_seed_reaches_the_value_estimator(
    make_mcts: Make, make_world: Make, problem: Problem
) -> None:
    trees = [make_world().drive(make_mcts(expand=3).search(problem, seed=s)) for s in (0, 0, 1)]
    assert shape(trees[0]) == shape(trees[1]) != shape(trees[2])


@pytest.mark.slow
def test_an_iteration_costs_no_more_in_a_large_tree(make_mcts: Make, problem: Problem) -> None:
    """Linear bookkeeping would make it ten times slower; deeper paths may cost a little."""

    def seconds(iterations: int) -> float:
        steps = [[Completion(f"{i}.{j}\n") for i in range(4)] for j in range(50)]
        values = {f"{i}.{j}\n": (i + 4 * j) / 200 for i in range(4) for j in range(50)}
        program = make_mcts(values, iterations=iterations).search(problem, seed=0)
        next(program)
        began = process_time()
        with pytest.raises(StopIteration):
            for count in range(iterations):
                program.send([steps[count % 50]])
        return (process_time() - began) / iterations

    assert min(seconds(10_000) for _ in range(2)) < 2 * min(seconds(1_000) for _ in range(5))
