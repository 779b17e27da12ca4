from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import log
from random import Random
from typing import Any

import pytest

from astro.requests import BudgetExhausted, Generate, Program, Request, Verify
from astro.types import Completion, FinishReason, Problem, SearchTree, State, Status, Verdict
from astro_search.mcts import Mcts
from astro_search.params import MctsParams


class Lines:
    """A step is a line; one that starts with `=` holds the answer."""

    stop = ("\n",)

    def is_terminal(self, state: State) -> bool:
        return state.steps[-1].text.startswith("=")


class Table:
    """Values by the last step's text, without a request."""

    def __init__(self, values: dict[str, float]) -> None:
        self.values = values

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float]]:  # noqa: ARG002
        yield from ()
        return [self.values[state.steps[-1].text] for state in states]


class Asking:
    """Values drawn from the state and the seed, after one request for each state."""

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float]]:
        yield [Generate(state.prompt, n=1) for state in states]
        return [chance(state.response, seed).random() for state in states]


def chance(*key: object) -> Random:
    return Random(blake2b(repr(key).encode()).digest())


@dataclass
class World:
    """Answers requests from a script, or, where there is none, from the hash of the prompt."""

    script: dict[str, list[Completion]] = field(default_factory=dict)
    salt: int = 0
    batches: list[list[Request]] = field(default_factory=list)

    def reply(self, request: Request) -> Any:
        if isinstance(request, Verify):
            answer = request.response.splitlines()[-1].removeprefix("=")
            correct = answer == request.problem.answer
            return Verdict(Status.CORRECT if correct else Status.INCORRECT, answer)
        assert isinstance(request, Generate)
        if request.prompt.response in self.script:
            return self.script[request.prompt.response]
        rng = chance(request.prompt.response, self.salt)
        return [random_step(rng) for _ in range(request.n)]

    def drive(self, program: Program[SearchTree], batches: int | None = None) -> SearchTree:
        """Run to the end, or throw `BudgetExhausted` instead of answering that batch."""
        try:
            batch = next(program)
            while True:
                self.batches.append(batch)
                if len(self.batches) - 1 == batches:
                    batch = program.throw(BudgetExhausted())
                else:
                    batch = program.send([self.reply(request) for request in batch])
        except StopIteration as stop:
            return stop.value


def random_step(rng: Random) -> Completion:
    text = rng.choice(["a\n", "b\n", "c\n", "d\n", "=1\n", "=2\n", "=3\n", "e"])
    reasons = {"e": rng.choice([FinishReason.LENGTH, FinishReason.EOS])}
    return Completion(text, (1,), (log(1 - rng.random()),), reasons.get(text, FinishReason.STOP))


def sample(text: str, prior: float, reason: FinishReason = FinishReason.STOP) -> Completion:
    """A completion of two tokens with probability `prior` in all."""
    return Completion(text, (7, 8), (log(prior) / 2,) * 2, reason)


@pytest.fixture
def problem() -> Problem:
    return Problem("p", "which?", "1")


@pytest.fixture
def make_mcts() -> Callable[..., Mcts]:
    """Build a search from params and, optionally, a table of values."""

    def make(values: dict[str, float] | None = None, **params: Any) -> Mcts:
        value = Asking() if values is None else Table(values)
        return Mcts(MctsParams(**params), value=value, step_format=Lines())

    return make


@pytest.fixture
def make_world() -> type[World]:
    return World


@pytest.fixture
def make_sample() -> Callable[..., Completion]:
    return sample
