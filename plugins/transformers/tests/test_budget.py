"""A token budget is kept with a real model, and all tokens count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from astro.plugins.binding import Binding
from astro.testing.token_budgets import budget_breaches, spend

SMALL: dict[str, dict[str, Any]] = {
    "mcts": {"expand": 6, "iterations": 12},
    "best_of_n": {"samples": 16},
    "beam": {"width": 3, "expand": 3},
    "rollout": {"rollouts": 8, "max_tokens": 12},
    "p_true": {"question": "{problem}\n{solution}", "true": "1", "false": "2"},
}


def check(llama: str, journal: Path, search: str, value: str, tokens: int) -> str:
    """Check a search under a budget. Returns why it ended."""
    sampling = {"step_tokens": 12, "max_depth": 4}
    spent = spend(
        Binding(name="transformers", params={"model": llama, "device": "cpu"}),
        Binding(name=search, params={**SMALL[search], **sampling}),
        Binding(name=value, params=SMALL[value]),
        tokens,
        journal,
    )
    assert budget_breaches(spent, tokens) == []
    return str(spent.outcome.result.ended)


@pytest.mark.parametrize("search", ["mcts", "best_of_n"])
def test_a_budget_is_kept(llama: str, tmp_path: Path, search: str) -> None:
    assert check(llama, tmp_path / "journal.db", search, "rollout", 40) == "budget"


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [10, 100, 1_000])
@pytest.mark.parametrize("value", ["rollout", "p_true"])
@pytest.mark.parametrize("search", ["mcts", "best_of_n", "beam"])
def test_every_budget_is_kept(
    llama: str, tmp_path: Path, search: str, value: str, tokens: int
) -> None:
    ended = check(llama, tmp_path / "journal.db", search, value, tokens)
    if tokens == 10:
        assert ended == "budget"
