"""What holds for a search under a budget of tokens, whatever policy it samples from.

`budget_breaches(spend(policy, search, value, tokens, journal), tokens)` is empty if the budget is
kept, all tokens count, and the tree holds every step that came back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from astro.engine.budget import Budget
from astro.engine.journal import Journal
from astro.engine.loop import Engine
from astro.engine.tasks import Outcome, Task
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.requests import POLICY, VERIFIER, Failure, Generate, Reply
from astro.testing.pools import shared_pool
from astro.testing.trees import faults
from astro.types import FinishReason, Problem

_SEED = 3
_PROBLEM = Problem("p", "question", "1")


@dataclass(frozen=True, slots=True)
class Spent:
    """A search's outcome, the tokens that its policy counts, and the responses up to each step."""

    outcome: Outcome
    generated: float
    steps: frozenset[str]


def spend(
    policy: Binding,
    search: Binding,
    value: Binding,
    tokens: int,
    journal: Path,
    *,
    concurrency: int = 8,
) -> Spent:
    """Search one problem, with steps that are lines, until a budget of tokens is spent."""
    registry = Registry.discover()
    algorithm = registry.build(
        "search",
        search,
        value=registry.build("value", value),
        step_format=registry.build("step_format", Binding(name="lines")),
    )
    watched = _Watched(registry.build_model(policy))
    task = Task("p", partial(algorithm.search, _PROBLEM, _SEED))
    verifier = VerifierBinding(name="exact")
    with closing(Journal(journal)) as record, closing(watched), shared_pool(verifier) as pool:
        engine = Engine(
            {POLICY: watched, VERIFIER: pool},
            seed=_SEED,
            concurrency=concurrency,
            journal=record,
            budget=Budget(tokens=tokens),
        )
        (outcome,) = engine.run([task])
        generated = watched.counters().get("generated_tokens", 0.0)
    return Spent(outcome, generated, frozenset(watched.steps))


def budget_breaches(spent: Spent, tokens: int) -> list[str]:
    """What is wrong with a search under a budget, one line each."""
    return list(_breaches(spent, tokens))


def _breaches(spent: Spent, tokens: int) -> Iterator[str]:
    outcome, tree = spent.outcome, spent.outcome.result
    if outcome.failure:
        yield f"it failed: {outcome.failure}"
        return
    yield from faults(tree)
    if outcome.tokens != spent.generated:
        yield f"{outcome.tokens} tokens were counted, {spent.generated:g} by the policy"
    if spent.generated > tokens:
        yield f"{spent.generated:g} tokens were generated, of {tokens}"
    searched = [n for n in tree.nodes if n.prior or n.visit_count]  # and not kept from a rollout
    nodes = {_words("".join(step.step.text for step in tree.path(n.id))) for n in searched}
    came = {"", *map(_words, spent.steps)}
    yield from (f"a step that came back is missing: {text!r}" for text in came - nodes)
    yield from (f"a step that did not come is there: {text!r}" for text in nodes - came)
    unread = [node.id for node in tree.nodes if node.terminal and not node.verdict]
    if unread:
        yield f"terminal nodes without a verdict: {unread}"


def _words(text: str) -> str:
    """A text in which white space alone makes no difference, as it makes none between steps."""
    return " ".join(text.split())


class _Watched:
    """A model that keeps the steps which it samples."""

    def __init__(self, policy: Any) -> None:
        self._policy = policy
        self._asked: dict[int, Any] = {}
        self.steps: set[str] = set()

    def add(self, ticket: int, request: Any) -> None:
        self._asked[ticket] = request
        self._policy.add(ticket, request)

    def step(self, block: bool = False) -> Sequence[tuple[int, Reply | Failure]]:
        replies: Sequence[tuple[int, Any]] = self._policy.step(block)
        for ticket, reply in replies:
            request = self._asked.pop(ticket)
            if isinstance(request, Generate) and request.stop and isinstance(reply, list):
                self.steps |= {
                    request.prompt.response + completion.text
                    for completion in reply
                    if completion.finish_reason is not FinishReason.LENGTH
                }
        return replies

    def counters(self) -> Mapping[str, float]:
        counters: Mapping[str, float] = self._policy.counters()
        return counters

    def close(self) -> None:
        self._policy.close()
