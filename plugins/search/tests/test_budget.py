"""A token budget is never exceeded, every step that came back is kept, and all tokens count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from astro.plugins.binding import Binding
from astro.testing.token_budgets import Spent, budget_breaches, spend

POLICY = Binding(
    name="scripted",
    params={
        "lines": ["try this one\n", "think of that\n", "add it all up\n", "carry the one\n"],
        "answers": ["answer is 1\n", "answer is 2\n", "answer is 3\n"],
        "length": 3,
        "steps_to_finish": 5,
    },
)
SEARCHES: dict[str, dict[str, Any]] = {
    "mcts": {"expand": 8, "iterations": 16, "leaves": 2},
    "mcts that widens": {"expand": 8, "iterations": 24, "widening": {}},
    "mcts that keeps rollouts": {"expand": 4, "iterations": 16, "keep_rollouts": True},
    "best_of_n": {"samples": 16},
    "beam": {"width": 4, "expand": 4},
    "dvts": {"samples": 16, "width": 4},
    "rebase": {"samples": 16},
    "particle": {"particles": 16},
    "tot_bfs": {"width": 4, "expand": 4},
    "tot_dfs": {"expand": 4, "solutions": 4},
    "ab_mcts": {"iterations": 48},
}
VALUES: dict[str, dict[str, Any]] = {"rollout": {"rollouts": 16, "max_tokens": 64}, "p_true": {}}
OTHER_VALUES = {"logprob": {}, "self_consistency": {"rollouts": 4, "max_tokens": 64}}


def search(name: str, value: str, tokens: int, journal: Path, concurrency: int = 8) -> Spent:
    return spend(
        POLICY,
        Binding(name=name.split(maxsplit=1)[0], params={**SEARCHES[name], "step_tokens": 16}),
        Binding(name=value, params={**VALUES, **OTHER_VALUES}[value]),
        tokens,
        journal,
        concurrency=concurrency,
    )


@pytest.mark.parametrize("tokens", [10, 100, 1_000])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", SEARCHES)
def test_a_token_budget_is_kept_and_leaves_its_best_tree(
    tmp_path: Path, name: str, value: str, tokens: int
) -> None:
    if "rollouts" in name and value != "rollout":
        pytest.skip("this value makes no rollouts")
    spent = search(name, value, tokens, tmp_path / "journal.db")
    assert budget_breaches(spent, tokens) == []
    assert spent.steps
    if tokens == 10 or (value == "rollout" and tokens == 100 and name != "tot_dfs"):
        assert spent.outcome.result.ended == "budget"
    if spent.outcome.result.ended == "budget":
        assert spent.generated > tokens - 4, "what is left would have paid for a step"


@pytest.mark.parametrize("name", ["mcts", "mcts that keeps rollouts", "best_of_n"])
@pytest.mark.parametrize("value", ["logprob", "self_consistency"])
def test_a_token_budget_is_kept_by_values_without_verdicts(
    tmp_path: Path, name: str, value: str
) -> None:
    if "rollouts" in name and value == "logprob":
        pytest.skip("this value makes no rollouts")
    spent = search(name, value, 300, tmp_path / "journal.db")
    assert budget_breaches(spent, 300) == []


@pytest.mark.parametrize("name", ["mcts", "best_of_n", "beam", "ab_mcts"])
def test_a_tree_that_a_budget_ended_is_replayed_from_its_journal(tmp_path: Path, name: str) -> None:
    first = search(name, "rollout", 150, tmp_path / "journal.db")
    again = search(name, "rollout", 150, tmp_path / "journal.db")
    other = search(name, "rollout", 150, tmp_path / "other.db", concurrency=1)
    assert first.outcome == again.outcome == other.outcome
    assert (first.generated > 0, again.generated) == (True, 0)
