"""The search's kit: a plain search passes it, and one with a fault fails the right test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from astro.testing import SearchConformance
from astro.testing.trees import faults
from astro.types import Node, Problem, SearchTree, Status, Step, Verdict

GREEDY = r"""
import random
from typing import Annotated
from pydantic import Field
from astro.plugins import params
from astro.plugins.hookspecs import Provider, hookimpl
from astro.requests import BudgetExhausted, Generate, Verify
from astro.types import Node, SearchTree, State, Step

class Params(params.Params):
    fault: Annotated[str, Field(description="what is wrong with it")] = ""

class Greedy:
    "Samples two steps at each node of one path, and goes on from the first of them."

    def __init__(self, params, *, value, step_format):
        self.fault, self.step_format, self.searches = params.fault, step_format, 0

    def search(self, problem, seed):
        self.searches += 1
        nodes = [Node(0, None, Step(""), 0, visit_count=1)]
        try:
            yield from self.walk(nodes, State(problem))
        except BudgetExhausted:
            if self.fault == "stubborn": yield [Generate(State(problem).prompt)]
            if self.fault == "empty-handed": return None
        return SearchTree(problem, nodes)

    def walk(self, nodes, state):
        path = [nodes[0]]
        while not state.terminal:
            prompt, n = state.prompt, 2
            if self.fault == "global randomness": n = random.choice([1, 2, 3])
            if self.fault == "shared state": n = 1 + self.searches % 2
            [samples] = yield [Generate(prompt, n=n, stop=self.step_format.stop)]
            for node in path: node.visit_count += len(samples)
            for sample in samples:
                after = state.then(Step(sample.text))
                ends = sample.finish_reason == "eos" or self.step_format.is_terminal(after)
                prior = 1.0 if self.fault == "priors" else 1 / len(samples)
                path[-1].children.append(len(nodes))
                nodes.append(Node(len(nodes), path[-1].id, Step(sample.text), len(path),
                                  terminal=ends, prior=prior, visit_count=1))
            path.append(nodes[-len(samples)])
            state = state.then(path[-1].step, path[-1].terminal)
        [path[-1].verdict] = yield [Verify(state.problem, state.response)]

@hookimpl
def astro_providers():
    return [Provider("search", "greedy", "one path", "greedy:Greedy", "greedy:Params")]
"""


@pytest.fixture(autouse=True)
def greedy(distribution: Callable[[str, str], None]) -> None:
    distribution("greedy", GREEDY)


class TestGreedy(SearchConformance):
    name = "greedy"


@pytest.mark.parametrize(
    ("fault", "test", "rule"),
    [
        ("priors", "test_trees_are_consistent", "priors of its children sum to 2.0, above 1"),
        ("global randomness", "test_global_random_numbers_do_not_matter", "random numbers"),
        ("shared state", "test_scheduling_does_not_matter", "gave other trees than one"),
        ("shared state", "test_it_resumes_from_a_journal_that_is_cut_anywhere", "cut after"),
        ("stubborn", "test_a_spent_budget_ends_it_with_the_tree_so_far", "yielded requests after"),
        ("empty-handed", "test_a_budget_holds_in_the_loop", "returns a SearchTree, not NoneType"),
    ],
)
def test_a_fault_is_found_and_named(fault: str, test: str, rule: str, tmp_path: Path) -> None:
    kit = type("Faulty", (TestGreedy,), {"params": {"fault": fault}})()
    arguments = (tmp_path,) if "tmp_path" in getattr(kit, test).__annotations__ else ()
    with pytest.raises(AssertionError, match=rule):
        getattr(kit, test)(*arguments)


def tree(*changes: Mapping[str, Any]) -> SearchTree:
    """A root and a terminal child, each with its own changes."""
    nodes = [
        Node(0, None, Step(""), 0, visit_count=2, children=[1]),
        Node(1, 0, Step("a", logprob=-1.0), 1, terminal=True, visit_count=1),
    ]
    for node, changed in zip(nodes, changes, strict=False):
        for name, value in changed.items():
            setattr(node, name, value)
    return SearchTree(Problem("p", "?", "1"), nodes)


def test_a_sound_tree_has_no_faults() -> None:
    assert faults(tree()) == []
    assert faults(tree({}, {"verdict": Verdict(Status.CORRECT, "1"), "q_value": 1.0})) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (({"depth": 1},), "the root has"),
        (({"visit_count": 0},), "0 visits, its children 1"),
        (({"children": [1, 1], "visit_count": 3},), "has a child twice"),
        (({"q_value": 1.5},), "q_value 1.5 is not in"),
        (({}, {"id": 2}), "node 1 has id 2"),
        (({}, {"parent": 1}), "which does not precede it"),
        (({}, {"depth": 3}), "depth 3"),
        (({}, {"prior": float("nan")}), "prior nan is not in"),
        (({}, {"value": -1.0}), "value -1.0 is not in"),
        (({}, {"step": Step("a", logprob=0.5)}), "is above 0"),
        (({}, {"terminal": False, "verdict": Verdict(Status.CORRECT)}), "is not terminal"),
        (({}, {"children": [0]}), "is terminal and has children"),
    ],
)
def test_what_is_wrong_with_a_tree_is_said(
    changes: tuple[Mapping[str, Any], ...], fault: str
) -> None:
    assert fault in "\n".join(faults(tree(*changes)))


def test_a_tree_without_nodes_is_faulty() -> None:
    assert faults(SearchTree(Problem("p", "?", "1"), [])) == ["a tree has a root"]
