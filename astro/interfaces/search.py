"""Protocols for searches, value estimators and linearizers, which are programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from astro.requests import Program
from astro.types import Problem, SearchTree, State, Trace


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


class SearchAlgorithm(Protocol):
    """A search over reasoning steps. It does no I/O and uses no clock or global random state."""

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:
        """Build a tree for `problem`. On `BudgetExhausted`, return the tree built so far."""


class Linearizer(Protocol):
    """Turns a tree into chains of thought (Algorithm 1 of the paper). Pure, as a search is."""

    def linearize(self, problem: Problem, tree: SearchTree, seed: int) -> Program[list[Trace]]:
        """Traces whose final answer has been verified again; none for an unsolved tree."""
