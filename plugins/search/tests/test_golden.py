"""Trees worked by hand from the paper's equations: k = 2, c_puct = 1, priors 3/4 and 1/4.

expand root   a: R .5, b: R .4                      N(root) 3
select        a: .5 + .75 sqrt(3)/2 = 1.1495        b: .4 + .25 sqrt(3)/2 = .6165
expand a      c: R .2, =2: R 0                      Q(a) = (.2 + 0 + .5)/3 = .2333, N(root) 5
select        a: .2333 + .75 sqrt(5)/4 = .6526      b: .4 + .25 sqrt(5)/2 = .6795
expand b      =1: R 1, d: R .6                      Q(b) = (1 + .6 + .4)/3 = .6667, N(root) 7
select        a: .2333 + .75 sqrt(7)/4 = .7294      b: .6667 + .25 sqrt(7)/4 = .8320
  below b     =1: 1 + .75 sqrt(3)/2 = 1.6495        d: .6 + .25 sqrt(3)/2 = .8165
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from astro.requests import Generate
from astro.types import Completion, Problem, SearchTree

VALUES = {"a\n": 0.5, "b\n": 0.4, "c\n": 0.2, "d\n": 0.6, "e\n": 0.8, "f\n": 0.0}


@pytest.fixture
def grow(
    make_mcts: Callable[..., Any],
    make_world: Callable[..., Any],
    make_sample: Callable[..., Completion],
    problem: Problem,
) -> Callable[..., SearchTree]:
    def two(first: str, second: str) -> list[Completion]:
        return [make_sample(first, 0.75), make_sample(second, 0.25)]

    script = {
        "": two("a\n", "b\n"),
        "a\n": two("c\n", "=2\n"),
        "b\n": two("=1\n", "d\n"),
        "b\nd\n": two("e\n", "f\n"),
    }

    def run(**params: Any) -> SearchTree:
        search = make_mcts(VALUES, expand=2, **params)
        return make_world(script).drive(search.search(problem, seed=0))

    return run


def rows(tree: SearchTree) -> list[tuple[str, int, float]]:
    return [(n.step.text.strip(), n.visit_count, pytest.approx(n.q_value)) for n in tree.nodes]


def test_three_iterations(grow: Callable[..., SearchTree]) -> None:
    tree = grow(iterations=3)
    assert rows(tree) == [
        ("", 7, 2.7 / 7),
        ("a", 3, 0.7 / 3),
        ("b", 3, 2 / 3),
        ("c", 1, 0.2),
        ("=2", 1, 0.0),
        ("=1", 1, 1.0),
        ("d", 1, 0.6),
    ]
    assert [node.parent for node in tree.nodes] == [None, 0, 0, 1, 1, 2, 2]
    assert [node.id for node in tree.terminals()] == [4, 5]
    assert tree.ended == "finished"


def test_a_terminal_selected_again_counts_a_visit(grow: Callable[..., SearchTree]) -> None:
    tree = grow(iterations=4, revisit=True)
    assert len(tree.nodes) == 7
    assert rows(tree)[5] == ("=1", 2, 1.0)
    assert rows(tree)[2] == ("b", 4, (2 * 1.0 + 0.6 + 0.4) / 4)
    assert rows(tree)[0] == ("", 8, (0.7 + 3.0) / 8)


def test_fully_expanded_subtrees_are_skipped(grow: Callable[..., SearchTree]) -> None:
    tree = grow(iterations=4)
    assert rows(tree)[7:] == [("e", 1, 0.8), ("f", 1, 0.0)]
    assert rows(tree)[6] == ("d", 3, (0.8 + 0.0 + 0.6) / 3)
    assert rows(tree)[2] == ("b", 5, (1.0 + 1.4 + 0.4) / 5)


def test_uct_needs_no_prior(grow: Callable[..., SearchTree]) -> None:
    """a .5, b .4 at equal bounds; then a .2333 + sqrt(2 ln 5 / 3), b .4 + sqrt(2 ln 5)."""
    tree = grow(iterations=3, selection={"name": "uct"})
    assert rows(tree)[:3] == [("", 7, 2.7 / 7), ("a", 3, 0.7 / 3), ("b", 3, 2 / 3)]


def test_it_asks_as_its_params_say(
    make_mcts: Callable[..., Any], make_world: Callable[..., Any], problem: Problem
) -> None:
    world = make_world()
    search = make_mcts(expand=3, iterations=1, temperature=0.5, top_p=0.9, step_tokens=17)
    world.drive(search.search(problem, seed=0))
    assert world.batches[0] == [
        Generate(
            world.batches[0][0].prompt,
            n=3,
            stop=("\n",),
            max_tokens=17,
            temperature=0.5,
            top_p=0.9,
        )
    ]


def test_greedy_steps_are_drawn_once(
    make_mcts: Callable[..., Any], make_world: Callable[..., Any], problem: Problem
) -> None:
    world = make_world()
    world.drive(make_mcts(expand=8, iterations=1, temperature=0).search(problem, seed=0))
    assert [request.n for request in world.batches[0]] == [1]
