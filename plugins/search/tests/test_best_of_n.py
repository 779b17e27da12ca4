"""Independent samples: each is a path, what they share is shared, and tokens are all they cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from astro.requests import Generate, Program
from astro.types import Completion, FinishReason, Problem, State, Status
from astro_search.best_of_n import BestOfN
from astro_search.params import BestOfNParams

Make = Callable[..., Any]
EOS, LENGTH = FinishReason.EOS, FinishReason.LENGTH


class Lines:
    stop = ("\n",)

    def is_terminal(self, state: State) -> bool:
        return state.steps[-1].text.startswith("=")


def best_of_n(**params: Any) -> BestOfN:
    return BestOfN(BestOfNParams(**params), value=Unasked(), step_format=Lines())  # type: ignore[arg-type]


class Unasked:
    def estimate(self, *_: object) -> Program[list[float]]:
        raise AssertionError("no state is valued")


def test_a_tree_worked_by_hand(problem: Problem, make_world: Make, make_sample: Make) -> None:
    """Four samples: two begin with a, one answers at once, one is cut off."""
    script = {
        "": [
            make_sample("a\n", 0.5),
            make_sample("=2\n", 0.2),
            make_sample("a\n", 0.5),
            make_sample("e", 0.1, LENGTH),
        ],
        "a\n": [make_sample("=1\n", 0.5), make_sample("b", 0.5, EOS)],
    }
    world = make_world(script)
    tree = world.drive(best_of_n(samples=4).search(problem, 0))
    found = [(n.parent, n.step.text, n.terminal, n.visit_count, n.q_value) for n in tree.nodes]
    assert found == [
        (None, "", False, 5, 1 / 5),
        (0, "a\n", False, 3, 1 / 3),
        (0, "=2\n", True, 1, 0.0),
        (1, "=1\n", True, 1, 1.0),
        (1, "b", True, 1, 0.0),
    ]
    asked = [
        request for batch in world.batches for request in batch if isinstance(request, Generate)
    ]
    assert [request.n for request in asked] == [4, 2]
    assert (tree.ended, tree.solved) == ("finished", True)
    assert sum(tree.nodes[i].prior for i in tree.nodes[0].children) == pytest.approx(1)


def test_responses_of_a_later_round_join_the_nodes_that_are_there(
    problem: Problem, make_world: Make, make_sample: Make
) -> None:
    script = {"": [make_sample("a\n", 0.5)], "a\n": [make_sample("=1\n", 0.5)]}
    world = make_world(script)
    tree = world.drive(best_of_n(samples=3, at_once=1).search(problem, 0))
    assert [node.step.text for node in tree.nodes] == ["", "a\n", "=1\n"]
    assert len(world.batches) == 3 * 2 + 1
    assert [node.visit_count for node in tree.nodes] == [3, 2, 1]


def test_the_depth_limit_ends_a_response_unsolved(problem: Problem, make_world: Make) -> None:
    endless = {"": [Completion("a\n", (1,), (-0.5,))], "a\n": [Completion("b\n", (1,), (-0.5,))]}
    world = make_world(endless)
    tree = world.drive(best_of_n(samples=1, max_depth=2).search(problem, 0))
    last = tree.nodes[-1]
    assert last.verdict is not None
    assert (last.depth, last.terminal, last.verdict.status) == (2, True, Status.UNPARSED)
    assert len(world.batches) == 2


def test_an_exhausted_budget_leaves_whole_steps(problem: Problem, make_world: Make) -> None:
    whole = make_world(salt=3).drive(best_of_n(samples=9).search(problem, 0))
    for batches in range(4):
        tree = make_world(salt=3).drive(best_of_n(samples=9).search(problem, 0), batches)
        assert tree.ended == "budget"
        steps = [(node.parent, node.step) for node in tree.nodes]
        assert steps == [(node.parent, node.step) for node in whole.nodes][: len(steps)]


def test_a_tree_whose_first_steps_were_all_cut_off_says_so(
    problem: Problem, make_world: Make, make_mcts: Make, make_sample: Make
) -> None:
    script = {"": [make_sample("e", 0.1, LENGTH)] * 8}
    for search in (best_of_n(samples=8), make_mcts(iterations=8)):
        assert make_world(script).drive(search.search(problem, 0)).ended == "cut"


def test_a_greedy_response_is_sampled_once(
    problem: Problem, make_world: Make, make_sample: Make
) -> None:
    world = make_world({"": [make_sample("=1\n", 0.5)]})
    world.drive(best_of_n(samples=20, temperature=0).search(problem, 0))
    asked = [r.n for batch in world.batches for r in batch if isinstance(r, Generate)]
    assert asked == [1]
