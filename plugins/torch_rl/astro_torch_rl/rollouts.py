"""Rollouts: responses that are sampled and verified, in groups of one problem."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from astro.engine.loop import Engine
from astro.engine.sampling import Sample, sample_responses
from astro.engine.tasks import Task
from astro.errors import TrainingError
from astro.interfaces import Backend
from astro.requests import POLICY, VERIFIER, Failure, Reply
from astro.types import Problem


@dataclass(frozen=True, slots=True)
class Group:
    """Responses to one problem."""

    problem: Problem
    samples: tuple[Sample, ...]

    @property
    def judged(self) -> tuple[Sample, ...]:
        """The samples with a reward. A verdict that is a fault says nothing about the response."""
        return tuple(s for s in self.samples if not s.verdict.status.fault)

    @property
    def pass_rate(self) -> float:
        """The share of correct responses among those with a reward; 0 if there are none."""
        return sum(s.verdict.correct for s in self.judged) / max(len(self.judged), 1)

    @property
    def has_signal(self) -> bool:
        """Whether rewards differ; where they do not, all advantages are 0."""
        return len({s.verdict.reward for s in self.judged}) > 1


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Groups in the order of their problems.

    Attributes:
        groups: One per problem that was served.
        failures: Why each of the other problems failed.
        rollout_seconds: Seconds spent in the policy.
        verify_seconds: Seconds spent outside it, waiting for verdicts.
    """

    groups: tuple[Group, ...] = ()
    failures: tuple[str, ...] = ()
    rollout_seconds: float = 0.0
    verify_seconds: float = 0.0

    def __add__(self, other: Rollouts) -> Rollouts:
        return Rollouts(
            self.groups + other.groups,
            self.failures + other.failures,
            self.rollout_seconds + other.rollout_seconds,
            self.verify_seconds + other.verify_seconds,
        )


@dataclass(slots=True)
class _TimedPolicy:
    """A policy, and the number of seconds spent in it."""

    policy: Backend
    seconds: float = field(default=0.0)

    def add(self, ticket: int, request: Any) -> None:
        self.policy.add(ticket, request)

    def step(self, block: bool = False) -> Sequence[tuple[int, Reply | Failure]]:
        started = time.perf_counter()
        try:
            return self.policy.step(block)
        finally:
            self.seconds += time.perf_counter() - started

    def close(self) -> None:
        self.policy.close()


@dataclass(frozen=True, slots=True)
class Sampler:
    """Samples groups of responses from a policy and has them verified."""

    policy: Backend
    verifier: Backend
    seed: int
    max_tokens: int
    temperature: float

    def sample(self, name: str, problems: Sequence[Problem], n: int) -> Rollouts:
        """Sample `n` responses to each problem.

        They depend on the seed, `name` and the problem only. All requests are queued at once, so
        that the policy sees the same batches every time.
        """
        started = time.perf_counter()
        timed = _TimedPolicy(self.policy)
        engine = Engine(
            {POLICY: timed, VERIFIER: self.verifier},
            seed=self.seed,
            concurrency=max(len(problems), 1),
        )
        tasks = [self._task(f"{name}/{problem.id}", problem, n) for problem in problems]
        outcomes = {outcome.key: outcome for outcome in engine.run(tasks)}
        ordered = [outcomes[task.key] for task in tasks]
        return Rollouts(
            groups=tuple(
                Group(problem, tuple(outcome.result))
                for problem, outcome in zip(problems, ordered, strict=True)
                if not outcome.failure
            ),
            failures=tuple(outcome.failure for outcome in ordered if outcome.failure),
            rollout_seconds=timed.seconds,
            verify_seconds=time.perf_counter() - started - timed.seconds,
        )

    def _task(self, key: str, problem: Problem, n: int) -> Task[list[Sample]]:
        return Task(
            key,
            lambda: sample_responses(
                problem, n, max_tokens=self.max_tokens, temperature=self.temperature
            ),
        )


def collect(
    sampler: Sampler,
    name: str,
    problems: Sequence[Problem],
    *,
    groups: int,
    n: int,
    refills: int,
    enough: Callable[[Group], bool] = attrgetter("has_signal"),
) -> Rollouts:
    """Return rollouts with up to `groups` groups that are trained on (DAPO's dynamic sampling).

    Problems are taken in their order. Groups for which `enough` returns False are replaced by those
    of the next problems, in at most `refills` further rounds.
    """
    found = Rollouts()
    for _ in range(1 + refills):
        missing = groups - sum(map(enough, found.groups))
        taken = len(found.groups) + len(found.failures)
        chosen = problems[taken : taken + missing]
        if not chosen:
            break
        found += sampler.sample(name, chosen, n)
    return found


def check(rollouts: Rollouts) -> None:
    """Check that a response to at least one problem was sampled.

    Raises:
        TrainingError: There is none.
    """
    if not rollouts.groups:
        reason = rollouts.failures[0] if rollouts.failures else "there are no problems"
        raise TrainingError(f"no response could be sampled: {reason}")
