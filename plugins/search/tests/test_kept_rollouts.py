"""Rollouts that are kept in the tree: worked by hand, and equal to the search without them.

Values are rollouts (M = 2). The steps `a` and `b` have priors 3/4 and 1/4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from astro.builtin.p_true import PTrue, PTrueParams
from astro.builtin.rollout import Rollout, RolloutParams
from astro.errors import ConfigError
from astro.requests import Generate, Program, Verify
from astro.types import Completion, FinishReason, Problem, SearchTree, State, Status
from astro_search.mcts import Mcts
from astro_search.params import MctsParams

EOS, LENGTH = FinishReason.EOS, FinishReason.LENGTH


class Lines:
    stop = ("\n",)

    def is_terminal(self, state: State) -> bool:
        return state.steps[-1].text.startswith("=")


def ended(text: str) -> Completion:
    return Completion(text, finish_reason=EOS)


@pytest.fixture
def grow(
    make_world: Callable[..., Any], make_sample: Callable[..., Completion], problem: Problem
) -> Callable[..., tuple[SearchTree, list[Any]]]:
    steps = {
        "": [make_sample("a\n", 0.75), make_sample("b\n", 0.25)],
        "a\n": [make_sample("c\n", 0.75), make_sample("=2\n", 0.25)],
    }
    rollouts = {
        "a\n": [ended("c\n=1\n"), ended("=3\n")],
        "b\n": [ended("\nd\n=2\nmore\n"), Completion("e\nf", finish_reason=LENGTH)],
        "a\nc\n": [Completion("=1\n", (3,), (-0.5,), EOS)] * 2,
    }

    class World(make_world):  # type: ignore[misc]
        def reply(self, request: Any) -> Any:
            if isinstance(request, Generate):
                return (steps if request.stop else rollouts)[request.prompt.response]
            return super().reply(request)

    def run(**params: Any) -> tuple[SearchTree, list[Any]]:
        value = Rollout(RolloutParams(rollouts=2))
        search = Mcts(MctsParams(expand=2, **params), value=value, step_format=Lines())
        world = World()
        return world.drive(search.search(problem, seed=0)), world.batches

    return run


def rows(tree: SearchTree) -> list[tuple[Any, ...]]:
    return [
        (n.parent, n.step.text, n.visit_count, round(n.q_value, 6), n.verdict and n.verdict.answer)
        for n in tree.nodes
    ]


def test_a_tree_worked_by_hand(grow: Callable[..., Any]) -> None:
    """R(a) = 1/2, R(b) = 0, R(c) = 1: Q(a) = (1 + 0 + 1/2) / 3, Q(root) = 3/2 / 5.

    The second rollout of b was cut in its second step; the first goes on after its answer.
    """
    tree, _ = grow(iterations=2, keep_rollouts=True)
    assert rows(tree) == [
        (None, "", 5, 0.3, None),
        (0, "a\n", 3, 0.5, None),
        (0, "b\n", 1, 0.0, None),
        (1, "c\n", 1, 1.0, None),
        (1, "=2\n", 1, 0.0, "2"),
        (3, "=1\n", 0, 0.0, "1"),
        (1, "=3\n", 0, 0.0, "3"),
        (2, "\nd\n", 0, 0.0, None),
        (7, "=2\n", 0, 0.0, "2"),
        (2, "e\n", 0, 0.0, None),
    ]
    assert [node.id for node in tree.terminals()] == [4, 5, 6, 8]
    assert [node.value for node in tree.terminals()] == [0.0, 1.0, 0.0, 0.0]
    assert sum(tree.nodes[i].prior for i in tree.nodes[1].children) == pytest.approx(1)
    assert tree.nodes[8].verdict is not None
    assert tree.nodes[8].verdict.status is Status.INCORRECT
    assert tree.solved


@pytest.mark.parametrize("leaves", [1, 2])
def test_the_search_itself_is_the_same(grow: Callable[..., Any], leaves: int) -> None:
    """Requests that sample, and all of a node but its further children."""
    plain, asked = grow(iterations=2, leaves=leaves)
    kept, more = grow(iterations=2, leaves=leaves, keep_rollouts=True)
    assert not plain.solved
    assert kept.ended == plain.ended
    count = len(plain.nodes)
    ids = range(count)
    same = [replace(n, children=[i for i in n.children if i in ids]) for n in kept.nodes[:count]]
    assert same == plain.nodes
    assert _sampled(more) == _sampled(asked)


def test_only_an_end_that_the_rollout_went_past_is_verified_again(grow: Callable[..., Any]) -> None:
    _, asked = grow(iterations=1)
    _, more = grow(iterations=1, keep_rollouts=True)
    assert more[: len(asked)] == asked
    (verify,) = [request for batch in more[len(asked) :] for request in batch]
    assert isinstance(verify, Verify)
    assert verify.response == "b\n\nd\n=2\n"


def test_a_path_is_no_deeper_than_others(grow: Callable[..., Any]) -> None:
    tree, _ = grow(iterations=1, keep_rollouts=True, max_depth=2)
    assert max(node.depth for node in tree.nodes) == 2
    (deep,) = [node for node in tree.nodes if node.step.text == "e\n"]
    assert deep.verdict is not None
    assert deep.verdict.reason == "depth limit"


def test_the_tokens_of_a_rollout_of_one_step_are_known(grow: Callable[..., Any]) -> None:
    """`=1` was reached twice: after `c` in a rollout of two steps, and in one of a single step."""
    tree, _ = grow(iterations=2, keep_rollouts=True)
    assert [tree.nodes[i].step.token_ids for i in (5, 6, 7)] == [(3,), (), ()]
    assert tree.nodes[5].step.logprob == -0.5


def test_it_goes_on_from_a_tree_with_kept_rollouts(
    grow: Callable[..., Any], make_mcts: Callable[..., Any], problem: Problem
) -> None:
    """What was kept does not steer the search, and stays in the tree."""
    tree, _ = grow(iterations=2, keep_rollouts=True)
    program: Program[SearchTree] = make_mcts({}, iterations=1).search_from(problem, tree, 0)
    (request,) = next(program)
    assert isinstance(request, Generate)
    assert request.prompt.response == "a\nc\n"
    program.close()


@pytest.mark.parametrize("params", [{"iterations": 1, "keep_rollouts": True}])
def test_a_value_without_rollouts_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="makes no rollouts"):
        Mcts(MctsParams(**params), value=PTrue(PTrueParams()), step_format=Lines())


def _sampled(batches: Sequence[Sequence[Any]]) -> list[Any]:
    return [r for batch in batches for r in batch if isinstance(r, Generate)]
