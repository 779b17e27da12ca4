"""Searches that go on from a tree, which is another task and draws other samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from astro.config.loading import parse_config
from astro.errors import ConfigError
from astro.interfaces import WarmStart
from astro.plugins.registry import Registry
from astro.requests import Generate
from astro.runs.context import scratch
from astro.runs.folder import RunFolder
from astro.runs.stages.search import search_tasks, tasks_from
from astro.types import Completion, Problem, SearchTree
from astro_search.best_of_n import BestOfN
from astro_search.params import BestOfNParams, SelfConsistencyParams

Make = Callable[..., Any]
VALUES = {"a\n": 0.5, "b\n": 0.4, "c\n": 0.2, "d\n": 0.6, "e\n": 0.8, "f\n": 0.0}


def rows(tree: SearchTree) -> list[Any]:
    return [(n.parent, n.step, n.prior, n.visit_count, n.q_value, n.verdict) for n in tree.nodes]


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_search_in_two_parts_is_that_in_one(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem, first: int
) -> None:
    def two(one: str, other: str) -> list[Completion]:
        return [make_sample(one, 0.75), make_sample(other, 0.25)]

    script = {
        "": two("a\n", "b\n"),
        "a\n": two("c\n", "=2\n"),
        "b\n": two("=1\n", "d\n"),
        "b\nd\n": two("e\n", "f\n"),
    }
    whole = make_world(script).drive(make_mcts(VALUES, expand=2, iterations=4).search(problem, 0))
    part = make_world(script).drive(
        make_mcts(VALUES, expand=2, iterations=first).search(problem, 0)
    )
    before = rows(part)
    rest = make_mcts(VALUES, expand=2, iterations=4 - first)
    tree = make_world(script).drive(rest.search_from(problem, part, 0))
    assert rows(tree) == rows(whole)
    assert rows(part) == before, "the tree that it goes on from is not changed"


def test_widening_takes_the_children_that_are_there_into_its_priors(
    make_mcts: Make, make_world: Make, make_sample: Make, problem: Problem
) -> None:
    first = make_world({"": [make_sample("=2\n", 0.2), make_sample("=3\n", 0.2)]})
    tree = first.drive(make_mcts({}, expand=2, iterations=1).search(problem, 0))
    again = make_world({"": [make_sample("=1\n", 0.4), make_sample("=2\n", 0.2)]})
    search = make_mcts({}, expand=2, iterations=1, widening={})
    grown = again.drive(search.search_from(problem, tree, 0))
    assert [n.step.text for n in grown.nodes[1:]] == ["=2\n", "=3\n", "=1\n"]
    assert [n.prior for n in grown.nodes[1:]] == pytest.approx([0.25, 0.25, 0.5])
    assert grown.nodes[0].visit_count == 4


def test_responses_add_up(make_world: Make, make_sample: Make, problem: Problem) -> None:
    class Lines:
        stop = ("\n",)

        def is_terminal(self, state: Any) -> bool:
            return state.steps[-1].text.startswith("=")

    def world() -> Any:
        return make_world({"": [make_sample("=1\n", 0.5), make_sample("=2\n", 0.5)]})

    search = BestOfN(BestOfNParams(samples=2), value=None, step_format=Lines())  # type: ignore[arg-type]
    tree = world().drive(search.search(problem, 0))
    twice = world().drive(search.search_from(problem, tree, 0))
    assert [(n.visit_count, n.q_value) for n in twice.nodes] == [(4, 0.5), (2, 1.0), (2, 0.0)]
    agreed = make_world({"": [make_sample("=1\n", 0.5)]})
    params = SelfConsistencyParams(samples=8, at_once=1)
    vote = BestOfN(params, value=None, step_format=Lines())  # type: ignore[arg-type]
    six = agreed.drive(vote.search_from(problem, twice, 0))
    assert (six.ended, six.nodes[0].visit_count) == ("enough", 10)


def config(search: str, **params: Any) -> Any:
    raw = {
        "name": "warm",
        "problems": {"name": "jsonl", "params": {"train": "none.jsonl"}},
        "policy": {"name": "scripted"},
        "verifier": {"name": "exact"},
        "search": {"name": search, "params": params},
        "linearizer": {"name": "direct"},
    }
    return parse_config(raw, Registry.discover())


@pytest.mark.parametrize(
    ("search", "params"),
    [("mcts", {"widening": {"c": 2.0}}), ("best_of_n", {}), ("self_consistency", {})],
)
def test_a_task_that_goes_on_has_seeds_of_its_own(
    tmp_path: Any, problem: Problem, make_world: Make, search: str, params: Any
) -> None:
    tree = SearchTree(problem, make_world().drive(_root(problem)).nodes)
    with scratch(config(search, **params), RunFolder(tmp_path), Registry.discover()) as run:
        (first,) = search_tasks(run, [problem], "search")
        (second,) = tasks_from(run, [tree], "search")
    assert first.key != second.key
    (request,) = next(second.start())
    assert isinstance(request, Generate)


@pytest.mark.parametrize("search", ["beam", "dvts", "rebase", "particle", "tot_bfs", "ab_mcts"])
def test_a_search_that_cannot_go_on_is_refused(
    tmp_path: Any, problem: Problem, search: str
) -> None:
    with (
        scratch(config(search), RunFolder(tmp_path), Registry.discover()) as run,
        pytest.raises(ConfigError, match=f"search.name: {search} cannot go on from a tree"),
    ):
        tasks_from(run, [SearchTree(problem, [])], "search")


def _root(problem: Problem) -> Any:
    search = BestOfN(BestOfNParams(samples=1), value=None, step_format=_Ends())  # type: ignore[arg-type]
    assert isinstance(search, WarmStart)
    return search.search(problem, 0)


class _Ends:
    stop = ("\n",)

    def is_terminal(self, state: Any) -> bool:
        return bool(state.steps)
