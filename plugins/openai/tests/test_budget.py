"""Tokens are counted with and without log-probabilities and usage, and a budget is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from astro.engine.budget import Budget
from astro.engine.loop import Engine
from astro.engine.tasks import Outcome, Task
from astro.requests import Generate, Program, paid
from astro.types import Prompt


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
