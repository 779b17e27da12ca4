"""Tokens are counted with and without log-probabilities and usage, and a budget is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astro.engine.budget import Budget
from astro.engine.loop import Engine
from astro.engine.tasks import Outcome, Task
from astro.plugins.binding import Binding
from astro.requests import Generate, Program, paid
from astro.testing.token_budgets import budget_breaches, spend
from astro.types import Prompt

TEMPLATE = "{prompt}\n---\n"


def steps() -> Program[list[str]]:
    """Sample 8 steps at a time until the budget is spent; return the texts that came back."""
    found: list[str] = []
    while True:
        replies, spent = yield from paid([Generate(Prompt("q"), n=8, stop=("\n",), max_tokens=4)])
        found += [completion.text for completion in replies[0]]
        if spent:
            return found


def outcome(policy: Any, tokens: int) -> Outcome:
    (found,) = Engine({"policy": policy}, seed=7, budget=Budget(tokens=tokens)).run(
        [Task("steps", steps)]
    )
    return found


@pytest.mark.parametrize("api", ["completions", "chat"])
@pytest.mark.parametrize("logprobs", [True, False])
@pytest.mark.parametrize("tokens", [10, 99])
def test_a_budget_counts_what_the_server_counts(
    make: Callable[..., Any], api: str, logprobs: bool, tokens: int
) -> None:
    policy = make(api=api, logprobs=logprobs)
    found = outcome(policy, tokens)
    assert not found.failure
    assert found.tokens == policy.counters()["generated_tokens"] <= tokens
    assert found.tokens >= tokens - 2
    assert len(found.result) >= found.tokens // 2


def test_without_usage_the_tokens_are_estimated_and_that_is_said_once(
    make: Callable[..., Any], server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.dialect = {"no_usage"}
    policy = make(logprobs=False)
    with caplog.at_level(logging.WARNING):
        found = outcome(policy, 20)
    assert 18 <= found.tokens == policy.counters()["generated_tokens"] <= 20
    assert [r.getMessage() for r in caplog.records].count(
        f"{server.url} does not report how many tokens it generates: without log-probabilities, "
        "they are estimated, at 4 bytes of text each"
    ) == 1


@pytest.mark.parametrize("tokens", [10, 100, 1_000])
@pytest.mark.parametrize("value", ["rollout", "p_true"])
@pytest.mark.parametrize("search", ["mcts", "best_of_n", "beam"])
def test_a_search_keeps_its_budget(
    server: Any, tmp_path: Path, search: str, value: str, tokens: int
) -> None:
    small = {"samples": 16} if search == "best_of_n" else {"expand": 6}
    rollouts = {"rollouts": 8, "max_tokens": 16} if value == "rollout" else {}
    spent = spend(
        Binding(
            name="openai",
            params={"base_url": server.url, "model": "m", "prompt_template": TEMPLATE},
        ),
        Binding(name=search, params={**small, "step_tokens": 4}),
        Binding(name=value, params=rollouts),
        tokens,
        tmp_path / "journal.db",
    )
    assert budget_breaches(spent, tokens) == []
    assert spent.steps
    if tokens == 10:
        assert spent.outcome.result.ended == "budget"
