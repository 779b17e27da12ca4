from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from astro.errors import ConfigError
from astro.plugins.params import validate
from astro.types import SearchTree, Status, Verdict
from astro_linearize.choose import choose_correct, choose_wrong, draw_backtracks, order_paths
from astro_linearize.params import BacktrackParams, CorrectChoice, WrongChoice


def correct_ids(tree: SearchTree, choice: CorrectChoice) -> set[int]:
    solutions = [tree.nodes[5], tree.nodes[9]]
    return {choose_correct(tree, solutions, choice, Random(seed)).id for seed in range(30)}


def wrong_ids(tree: SearchTree, k: int, choice: WrongChoice) -> set[tuple[int, ...]]:
    goal = tree.nodes[5]
    return {
        tuple(node.id for node in choose_wrong(tree, goal, k, choice, Random(seed)))
        for seed in range(60)
    }


def test_the_correct_terminal(tree: SearchTree) -> None:
    assert correct_ids(tree, "random") == {5, 9}
    assert correct_ids(tree, "highest_q") == {9}
    assert correct_ids(tree, "shortest") == {9}


def test_wrong_terminals_are_ranked_by_the_branch_that_leaves_the_correct_path(
    tree: SearchTree,
) -> None:
    """Of answer 2 there are node 3, Q 0 and N 1, and node 8 in branch 2, Q .3 and N 5."""
    assert wrong_ids(tree, 3, "lowest_q") == {(3, 6, 7), (6, 3, 7)}
    assert wrong_ids(tree, 3, "highest_visits") == {(7, 8, 6), (8, 7, 6)}
    assert wrong_ids(tree, 1, "random") == {(3,), (6,), (7,), (8,)}


def test_what_was_not_definitely_wrong_is_no_wrong_answer(tree: SearchTree) -> None:
    tree.nodes[3].verdict = Verdict(Status.TIMEOUT, "2")
    tree.nodes[6].verdict = Verdict(Status.UNPARSED)
    tree.nodes[7].verdict = Verdict(Status.INCORRECT, "1", "the right value by an illegal step")
    assert wrong_ids(tree, 3, "random") == {(8,)}


def test_equivalent_answers_are_one_wrong_answer(tree: SearchTree) -> None:
    tree.nodes[6].verdict = Verdict(Status.INCORRECT, "2.0")
    found = choose_wrong(tree, tree.nodes[5], 9, "random", Random(0), same={"2.0": "2"})
    assert len(found) == 2
    assert {node.id for node in found} & {3, 6, 8}


def test_k_is_drawn_by_weight() -> None:
    rng = Random(0)
    drawn = Counter(draw_backtracks({0: 1.0, 2: 3.0}, rng) for _ in range(4000))
    assert set(drawn) == {0, 2}
    assert drawn[2] / 4000 == pytest.approx(0.75, abs=0.03)


def test_the_weights_of_k() -> None:
    assert BacktrackParams(max_backtracks=3, direct_share=0.4).weights() == pytest.approx(
        {0: 0.4, 1: 0.2, 2: 0.2, 3: 0.2}
    )
    assert BacktrackParams(max_backtracks=0).weights() == {0: 1.0}
    assert BacktrackParams(direct_share=0.9, shares={1: 2, 4: 1}).weights() == {1: 2, 4: 1}


@pytest.mark.parametrize("shares", [{}, {1: 0.0}, {-1: 1.0}, {1: -1.0}])
def test_shares_must_have_weight(shares: dict[int, float]) -> None:
    with pytest.raises(ConfigError, match="shares"):
        validate(BacktrackParams, {"shares": shares})


def test_the_order_of_wrong_paths() -> None:
    paths, goal = [(1, 4, 6), (1, 3), (2, 7)], (1, 4, 5)
    assert order_paths(paths, goal, "nearest_last", Random(0)) == [(2, 7), (1, 3), (1, 4, 6)]
    orders = {tuple(order_paths(paths, goal, "random", Random(seed))) for seed in range(60)}
    assert len(orders) == 6


def test_a_depth_first_order_keeps_branches_together_and_that_of_the_solution_last() -> None:
    paths, goal = [(1, 4, 6), (2, 7), (1, 3), (2, 8), (9,)], (1, 4, 5)
    orders = {tuple(order_paths(paths, goal, "depth_first", Random(seed))) for seed in range(200)}
    seven, eight, nine = (2, 7), (2, 8), (9,)
    firsts = {(seven, eight, nine), (eight, seven, nine)}
    firsts |= {(nine, seven, eight), (nine, eight, seven)}
    assert orders == {(*first, (1, 3), (1, 4, 6)) for first in firsts}
