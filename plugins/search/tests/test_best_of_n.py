"""Independent samples: each is a path, what they share is shared, and tokens are all they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from astro.engine.selection import AnswerCandidate, select_answer
from astro.requests import BudgetExhausted, Generate, Program, Verify
from astro.types import Completion, FinishReason, Problem, SearchTree, State, Status, Verdict
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
        (None, "", False, 4, 1 / 3),
        (0, "a\n", False, 2, 1 / 2),
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
    assert [node.visit_count for node in tree.nodes] == [3, 3, 3]


@pytest.mark.parametrize("at_once", [8, 1])
def test_every_sample_of_a_path_counts(problem: Problem, make_world: Make, at_once: int) -> None:
    """Seven samples took one wrong path and one the right path, without log-probabilities."""
    samples = [Completion("=2\n")] * 7 + [Completion("=1\n")]

    class InTurn(make_world):  # type: ignore[misc]
        def reply(self, request: Any) -> Any:
            if isinstance(request, Generate):
                return [samples.pop(0) for _ in range(request.n)]
            return super().reply(request)

    tree = InTurn().drive(best_of_n(samples=8, at_once=at_once).search(problem, 0))
    assert [(n.step.text, n.visit_count, n.q_value, n.prior) for n in tree.nodes] == [
        ("", 8, 1 / 8, 1.0),
        ("=2\n", 7, 0.0, 7 / 8),
        ("=1\n", 1, 1.0, 1 / 8),
    ]


def test_a_cut_sample_does_not_count_for_a_whole_step_of_its_text(
    problem: Problem, make_world: Make
) -> None:
    whole, cut = Completion("=1", finish_reason=EOS), Completion("=1", finish_reason=LENGTH)
    tree = make_world({"": [whole, cut, cut]}).drive(best_of_n(samples=3).search(problem, 0))
    assert [(n.visit_count, n.q_value) for n in tree.nodes] == [(3, 1.0), (1, 1.0)]


def test_a_response_whose_verifier_failed_moves_no_value(
    problem: Problem, make_world: Make, make_sample: Make
) -> None:
    class Failing(make_world):  # type: ignore[misc]
        def reply(self, request: Any) -> Any:
            fails = isinstance(request, Verify) and request.response == "=2\n"
            return Verdict(Status.TIMEOUT) if fails else super().reply(request)

    script = {"": [make_sample("=1\n", 0.5), make_sample("=2\n", 0.2), make_sample("=3\n", 0.2)]}
    tree = Failing(script).drive(best_of_n(samples=3).search(problem, 0))
    assert [node.visit_count for node in tree.nodes] == [3, 1, 1, 1]
    assert tree.nodes[0].q_value == 1 / 2


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


class Rates:
    """Rates terminal states by their last step; the budget may end before it does."""

    rates_terminals = True

    def __init__(self, values: dict[str, float | None], *, spent: bool = False) -> None:
        self.values = values
        self.spent = spent

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float | None]]:  # noqa: ARG002
        yield from ()
        if self.spent:
            raise BudgetExhausted
        return [self.values[state.steps[-1].text] for state in states]


@pytest.fixture
def unverified(make_world: Make) -> Make:
    class Unverified(make_world):  # type: ignore[misc]
        def reply(self, request: Any) -> Any:
            return None if isinstance(request, Verify) else super().reply(request)

    return Unverified


def weighted(tree: SearchTree) -> dict[str, float]:
    """The weight of each answer: the sum of the rewards of its samples."""
    ends = tree.terminals()
    found = select_answer(
        [AnswerCandidate(n.id, n.visit_count, n.value, 0.0, 1) for n in ends], "weighted"
    )
    assert found is not None
    return {tree.nodes[vote].step.text: weight for vote, weight in found.weights.items()}


def test_a_weighted_vote_counts_samples_and_an_unknown_rating_is_the_mean(
    problem: Problem, unverified: Make, make_sample: Make
) -> None:
    """Three samples are rated 0.3 and one 0.8; the rating of two is unknown: the mean, 0.55."""
    texts = ["=1\n"] * 3 + ["=2\n"] + ["=3\n"] * 2
    world = unverified({"": [make_sample(text, 0.1) for text in texts]})
    value = Rates({"=1\n": 0.3, "=2\n": 0.8, "=3\n": None})
    search = BestOfN(BestOfNParams(samples=6), value=value, step_format=Lines())
    tree = world.drive(search.search(problem, 0))
    assert all(node.verdict is None for node in tree.nodes)
    assert weighted(tree) == pytest.approx({"=1\n": 0.9, "=2\n": 0.8, "=3\n": 1.1})


def test_a_budget_that_ends_before_the_ratings_keeps_the_counts(
    problem: Problem, unverified: Make, make_sample: Make
) -> None:
    world = unverified({"": [make_sample("=1\n", 0.1)] * 3 + [make_sample("=2\n", 0.1)]})
    search = BestOfN(BestOfNParams(samples=4), value=Rates({}, spent=True), step_format=Lines())
    tree = world.drive(search.search(problem, 0))
    assert tree.ended == "budget"
    assert [node.visit_count for node in tree.nodes] == [4, 3, 1]
