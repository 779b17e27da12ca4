"""Progressive widening: a node is expanded while it has fewer than C N^alpha children."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astro.requests import Generate, Verify
from astro.types import Completion, FinishReason, Problem, SearchTree, Status, Verdict
from astro_search.params import Widening
from astro_search.selection import allowed_children

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("c", "alpha", "visits", "allowed"),
    [
        (2.0, 0.5, [1, 2, 4, 9, 16], [2, 3, 4, 6, 8]),
        (1.0, 1 / 3, [1, 8, 27, 28, 64, 125, 1000], [1, 2, 3, 4, 4, 5, 10]),
        (0.5, 1.0, [1, 2, 3, 4], [1, 1, 2, 2]),
    ],
)
def test_allowed_children(c: float, alpha: float, visits: list[int], allowed: list[int]) -> None:
    widening = Widening(c=c, alpha=alpha)
    assert [allowed_children(n, widening) for n in visits] == allowed


def texts(tree: SearchTree) -> list[tuple[str, int, float]]:
    return [(n.step.text.strip(), n.visit_count, pytest.approx(n.q_value)) for n in tree.nodes]


@pytest.fixture
def in_turn(make_world: Make) -> Callable[[dict[str, list[str]]], Any]:
    """A world that samples the steps after a state in turn, with probabilities 1/2 for each."""

    def make(script: dict[str, list[str]]) -> Any:
        left = {path: iter(steps) for path, steps in script.items()}

        class World(make_world):  # type: ignore[misc]
            def reply(self, request: Any) -> Any:
                if not isinstance(request, Generate):
                    return super().reply(request)
                steps = left[request.prompt.response]
                return [Completion(next(steps) + "\n", (1,), (-0.5,)) for _ in range(request.n)]

        return World()

    return make


def test_a_tree_worked_by_hand(make_mcts: Make, in_turn: Make, problem: Problem) -> None:
    """C = 2, alpha = 1/2, k = 8; the root may have ceil(2 sqrt(N)) children.

    N(root) = 1   2 allowed: a .5, =2
    N = 3         4 allowed, 2 there: b .4, =3
    N = 5         5 allowed, 4 there: =1
    N = 6         5 allowed, 5 there; a and b are open. a: .5 + .2 sqrt(6)/2 = .7449, b: .6449
    N(a) = 1      2 allowed: c .2, =4
    N = 8         6 allowed, 5 there: d .1
    """
    script = {"": ["a", "=2", "b", "=3", "=1", "d"], "a\n": ["c", "=4"]}
    world = in_turn(script)
    values = {"a\n": 0.5, "b\n": 0.4, "c\n": 0.2, "d\n": 0.1}
    search = make_mcts(values, expand=8, iterations=5, widening={})
    tree = world.drive(search.search(problem, seed=0))
    assert texts(tree) == [
        ("", 9, (0.5 + 0.2 + 0 + 0 + 0.4 + 0 + 1 + 0.1) / 9),
        ("a", 3, 0.7 / 3),
        ("=2", 1, 0.0),
        ("b", 1, 0.4),
        ("=3", 1, 0.0),
        ("=1", 1, 1.0),
        ("c", 1, 0.2),
        ("=4", 1, 0.0),
        ("d", 1, 0.1),
    ]
    asked = [r.n for batch in world.batches for r in batch if isinstance(r, Generate)]
    assert asked == [2, 2, 1, 2, 1]
    assert [tree.nodes[i].prior for i in tree.nodes[0].children] == pytest.approx([1 / 6] * 6)


def test_an_unsolved_tree_is_never_exhausted(
    make_mcts: Make, in_turn: Make, problem: Problem
) -> None:
    """Every step ends at a wrong answer, at first; without widening, two steps are all."""
    script = {"": ["=2", "=3", "=4", "=5", "=6", "=1"]}
    plain = in_turn(script).drive(make_mcts({}, expand=2, iterations=9).search(problem, seed=0))
    assert (plain.ended, len(plain.nodes), plain.solved) == ("exhausted", 3, False)
    search = make_mcts({}, expand=2, iterations=9, widening={}, enough_correct=1)
    tree = in_turn(script).drive(search.search(problem, seed=0))
    assert (tree.ended, len(tree.nodes), tree.solved) == ("enough", 7, True)


def test_steps_that_repeat_end_nothing(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem
) -> None:
    """The policy knows two steps only; iterations are spent, and ever fewer of them on samples."""
    world = make_world({"": [make_sample("=2\n", 0.5), make_sample("=3\n", 0.5)]})
    tree = world.drive(make_mcts({}, expand=2, iterations=100, widening={}).search(problem, 0))
    assert (tree.ended, len(tree.nodes)) == ("finished", 3)
    assert tree.nodes[0].visit_count > 60
    assert sum(isinstance(r, Generate) for batch in world.batches for r in batch) < 30


def test_a_fault_moves_no_statistics_when_it_is_visited_again(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem
) -> None:
    class Failing(make_world):  # type: ignore[misc]
        def reply(self, request: Any) -> Any:
            fails = isinstance(request, Verify) and request.response == "=2\n"
            return Verdict(Status.TIMEOUT) if fails else super().reply(request)

    for params in ({"revisit": True}, {"widening": {"c": 1.0}}):
        world = Failing({"": [make_sample("=2\n", 0.98), make_sample("=1\n", 0.02)]})
        tree = world.drive(make_mcts({}, expand=2, iterations=20, **params).search(problem, 0))
        by_text = {node.step.text: node for node in tree.nodes}
        assert by_text["=2\n"].visit_count == 0
        assert by_text[""].q_value == pytest.approx(
            by_text["=1\n"].visit_count / by_text[""].visit_count
        )


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    salt=st.integers(0, 10**6),
    leaves=st.integers(1, 3),
    c=st.sampled_from([0.5, 1.0, 2.0, 3.0]),
    alpha=st.sampled_from([0.25, 0.5, 1.0]),
    rule=st.sampled_from(["policy", "length_normalized", "tempered", "uniform"]),
)
def test_no_node_has_more_children_than_its_visits_allow(
    make_mcts: Make, make_world: Make, problem: Problem, *, rule: str, **drawn: Any
) -> None:
    widening = {"c": drawn["c"], "alpha": drawn["alpha"]}
    params = {"expand": 3, "iterations": 30, "max_depth": 4, "prior": {"name": rule}}
    search = make_mcts(widening=widening, leaves=drawn["leaves"], **params)

    class Varied(make_world):  # type: ignore[misc]
        def reply(self, request: Any) -> Any:
            if isinstance(request, Generate) and request.stop:
                self.salt += 1
            return super().reply(request)

    tree = Varied(salt=drawn["salt"]).drive(search.search(problem, seed=0))
    assert tree.ended in ("finished", "cut")
    for node in tree.nodes:
        children = [tree.nodes[i] for i in node.children]
        allowed = allowed_children(max(1, node.visit_count), Widening.model_validate(widening))
        assert len(children) <= allowed
        assert len({child.step.text.strip() for child in children}) == len(children)
        if children:
            assert sum(child.prior for child in children) == pytest.approx(1)
            visits = sum(child.visit_count for child in children)
            assert node.visit_count == 1 + visits
            total = sum(child.q_value * child.visit_count for child in children)
            assert node.q_value == pytest.approx((total + node.value) / (visits + 1))


def test_a_cut_first_step_still_ends_it(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem
) -> None:
    world = make_world({"": [make_sample("e", 0.1, FinishReason.LENGTH)] * 2})
    tree = world.drive(make_mcts({}, iterations=5, widening={}).search(problem, 0))
    assert tree.ended == "cut"
