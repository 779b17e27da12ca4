"""Protocols for searches, value estimators and linearizers, which are programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from astro.requests import Program
from astro.types import Completion, Problem, SearchTree, State, Trace, Verdict


class ValueEstimator(Protocol):
    """R(S): an estimate of how likely a state leads to a correct answer."""

    def estimate(self, states: Sequence[State], seed: int) -> Program[Sequence[float | None]]:
        """One value in [0, 1] for each state, or None where it is unknown.

        No state is terminal, unless the estimator is one that `RatesTerminals`.
        """


@runtime_checkable
class RatesTerminals(ValueEstimator, Protocol):
    """A value estimator that values terminal states as well, without the reference answer.

    A search may then choose among finished and unfinished paths by the same measure.
    """

    rates_terminals: bool


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Completions of `state`, and the value that was estimated from them.

    `verdicts` has the verdict of each completion, or None for one that was not verified.
    """

    value: float | None
    state: State
    completions: Sequence[Completion]
    verdicts: Sequence[Verdict | None]


@runtime_checkable
class RollsOut(ValueEstimator, Protocol):
    """A value estimator that completes states and can return the completions.

    A search may then keep them in its tree.
    """

    def roll_out(self, states: Sequence[State], seed: int) -> Program[Sequence[Rollouts]]:
        """The value of each state, as by `estimate`, with the completions behind it."""


class SearchAlgorithm(Protocol):
    """A search over reasoning steps. It does no I/O and uses no clock or global random state."""

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:
        """Build a tree for `problem`. On `BudgetExhausted`, return the tree built so far."""


@runtime_checkable
class WarmStart(SearchAlgorithm, Protocol):
    """A search that can go on from a tree that was searched before."""

    def search_from(self, problem: Problem, tree: SearchTree, seed: int) -> Program[SearchTree]:
        """A tree with the nodes of `tree`, which is not changed, and those of a further search."""


@runtime_checkable
class SamplesResponses(SearchAlgorithm, Protocol):
    """A search whose responses are sampled independently of one another."""

    def sampled(self, tree: SearchTree) -> int:
        """The number of responses of `tree`, also those that the token limit cut off."""


class Linearizer(Protocol):
    """Turns a tree into chains of thought (Algorithm 1 of the paper). Pure, as a search is."""

    def linearize(self, problem: Problem, tree: SearchTree, seed: int) -> Program[list[Trace]]:
        """Traces whose final answer has been verified again; none for an unsolved tree."""
