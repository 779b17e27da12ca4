"""Blank steps are joined to the next one, and white space alone makes no other step."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import pytest

from astro.requests import Generate
from astro.types import Completion, FinishReason, Problem, SearchTree
from astro_search.best_of_n import BestOfN
from astro_search.expansion import actions
from astro_search.params import BestOfNParams

Make = Callable[..., Any]
LENGTH = FinishReason.LENGTH


def step(text: str, *ids: int, reason: FinishReason = FinishReason.STOP) -> Completion:
    return Completion(text, ids, (log(0.5),) * len(ids), reason)


SCRIPT = {
    "": [step("\n", 1), step("a\n", 2, 1)],
    "\n": [step("  \n", 3, 1)],
    "\n  \n": [step("b\n", 4, 1)],
    "\n  \nb\n": [step("=1\n", 5)],
    "a\n": [step("=1\n", 5)],
}


def texts(tree: SearchTree) -> set[str]:
    return {node.step.text for node in tree.nodes[1:]}


def test_a_blank_step_is_joined_to_the_next(
    make_mcts: Make, make_world: Make, problem: Problem
) -> None:
    world = make_world(script=SCRIPT)
    tree = world.drive(
        make_mcts({"\n  \nb\n": 0.5, "a\n": 0.5}, expand=2, iterations=3).search(problem, 0)
    )
    assert texts(tree) == {"\n  \nb\n", "a\n", "=1\n"}
    joined = next(node for node in tree.nodes if node.step.text == "\n  \nb\n")
    assert joined.step.token_ids == (1, 3, 1, 4, 1)
    assert joined.step.logprob == pytest.approx(5 * log(0.5))
    going = [r for batch in world.batches for r in batch if isinstance(r, Generate) and r.n == 1]
    assert [(r.prompt.response, r.prompt.token_ids, r.max_tokens) for r in going[:2]] == [
        ("\n", (1,), 255),
        ("\n  \n", (1, 3, 1), 253),
    ]


def test_whole_responses_have_no_blank_steps(make_world: Make, problem: Problem) -> None:
    class Lines:
        stop = ("\n",)

        def is_terminal(self, state: Any) -> bool:
            return state.steps[-1].text.startswith("=")

    search = BestOfN(BestOfNParams(samples=2), value=None, step_format=Lines())
    tree = make_world(script=SCRIPT).drive(search.search(problem, 0))
    assert texts(tree) == {"\n  \nb\n", "a\n", "=1\n"}


def test_a_sample_of_blank_lines_alone_is_cut(
    make_mcts: Make, make_world: Make, problem: Problem
) -> None:
    class Endless(dict):
        def __contains__(self, key: object) -> bool:
            return True

        def __missing__(self, key: str) -> list[Completion]:
            return [step("\n", 1)]

    world = make_world(script=Endless())
    tree = world.drive(make_mcts({}, expand=1, iterations=3, step_tokens=5).search(problem, 0))
    assert (len(tree.nodes), tree.ended) == (1, "cut")
    assert sum(len(batch) for batch in world.batches) == 5


def test_a_budget_spent_within_a_blank_step_drops_it(
    make_mcts: Make, make_world: Make, problem: Problem
) -> None:
    tree = make_world(script=SCRIPT).drive(
        make_mcts({"a\n": 0.5}, expand=2, iterations=3).search(problem, 0), batches=1
    )
    assert (texts(tree), tree.ended) == ({"a\n"}, "budget")


def test_steps_that_differ_in_white_space_are_one_action() -> None:
    found = actions([step(" a  b\n", 1), step("a b\n", 2), step("ab\n", 3), step("x", 4)])
    assert [action.step.text for action in found] == [" a  b\n", "ab\n", "x"]
    assert [action.prior for action in found] == pytest.approx([0.5, 0.25, 0.25])
