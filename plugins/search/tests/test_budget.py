"""A token budget is never exceeded, every step that came back is kept, and all tokens count."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from astro.builtin.local import LocalExecutor, LocalParams
from astro.engine.budget import Budget
from astro.engine.executor import ExecutorJob
from astro.engine.journal import Journal
from astro.engine.tasks import Outcome, Task
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.requests import Generate
from astro.testing.trees import faults
from astro.types import Completion, Problem

SEED = 3
PROBLEM = Problem("p", "question", "1")
POLICY = Binding(
    name="scripted",
    params={
        "lines": ["try this one\n", "think of that\n", "add it all up\n", "carry the one\n"],
        "answers": ["answer is 1\n", "answer is 2\n", "answer is 3\n"],
        "length": 3,
        "steps_to_finish": 5,
    },
)
SEARCHES = {
    "mcts": {"expand": 8, "iterations": 16, "leaves": 2, "step_tokens": 16},
    "best_of_n": {"samples": 16, "step_tokens": 16},
}
VALUES = {"rollout": {"rollouts": 16, "max_tokens": 64}, "p_true": {}}


class Recording:
    """A policy that keeps the steps it was asked for."""

    def __init__(self, policy: Any, steps: list[Completion]) -> None:
        self._policy = policy
        self._asked: dict[int, Any] = {}
        self.steps = steps

    def add(self, ticket: int, request: Any) -> None:
        self._asked[ticket] = request
        self._policy.add(ticket, request)

    def step(self, block: bool = False) -> list[tuple[int, Any]]:
        replies: list[tuple[int, Any]] = self._policy.step(block)
        for ticket, reply in replies:
            request = self._asked[ticket]
            if isinstance(request, Generate) and request.stop:
                self.steps += reply
        return replies

    def counters(self) -> Mapping[str, float]:
        counters: Mapping[str, float] = self._policy.counters()
        return counters

    def close(self) -> None:
        self._policy.close()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Completion]:
    """The steps that policies have sampled since."""
    found: list[Completion] = []
    build = Registry.build_model
    monkeypatch.setattr(Registry, "build_model", lambda *a, **k: Recording(build(*a, **k), found))
    return found


def search(
    name: str, value: str, tokens: int, journal: Path, concurrency: int = 8
) -> tuple[Outcome, float]:
    """The outcome of a search, and the tokens that its policy counts."""
    registry = Registry.discover()
    step_format = registry.build("step_format", Binding(name="lines"))
    algorithm = registry.build(
        "search",
        Binding(name=name, params=SEARCHES[name]),
        value=registry.build("value", Binding(name=value, params=VALUES[value])),
        step_format=step_format,
    )
    executor = LocalExecutor(LocalParams(concurrency=concurrency), registry)
    with closing(Journal(journal)) as record:
        job = ExecutorJob(
            {"policy": POLICY}, VerifierBinding(name="exact"), record, Budget(tokens=tokens), SEED
        )
        (outcome,) = executor.run([Task("p", partial(algorithm.search, PROBLEM, SEED))], job)
    counters: Mapping[str, float] = executor.usage().get("policy", {})
    return outcome, counters.get("generated_tokens", 0.0)


@pytest.mark.parametrize("tokens", [10, 100, 1_000])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", SEARCHES)
def test_a_token_budget_is_kept_and_leaves_its_best_tree(
    tmp_path: Path, steps: list[Completion], name: str, value: str, tokens: int
) -> None:
    outcome, generated = search(name, value, tokens, tmp_path / "journal.db")
    tree = outcome.result
    assert not outcome.failure
    assert outcome.tokens == generated <= tokens
    assert not faults(tree)
    whole = {c.text for c in steps if c.finish_reason != "length"}
    assert whole
    assert {node.step.text for node in tree.nodes[1:]} == whole
    if tokens < 1_000:
        assert tree.ended == "budget"
        assert generated > tokens - 4, "what is left would have paid for a step"
    assert all(node.verdict for node in tree.nodes if node.terminal)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_tree_that_a_budget_ended_is_replayed_from_its_journal(tmp_path: Path, name: str) -> None:
    first, generated = search(name, "rollout", 300, tmp_path / "journal.db")
    again, none = search(name, "rollout", 300, tmp_path / "journal.db")
    other, _ = search(name, "rollout", 300, tmp_path / "other.db", concurrency=1)
    assert first == again == other
    assert (generated > 0, none) == (True, 0)
