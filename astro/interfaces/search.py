"""Programs that grow trees and turn them into chains of thought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from astro.requests import Program
from astro.types import Problem, SearchTree, State, Trace


class ValueEstimator(Protocol):
    """R(S): how promising a state is."""

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float]]:
        """One value in [0, 1] for each state, none of which is terminal."""


class SearchAlgorithm(Protocol):
    """A search over reasoning steps. Pure: no I/O, no clock, no global random numbers."""

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:
        """Grow a tree. On `BudgetExhausted` return the tree so far."""


class Linearizer(Protocol):
    """Turns a tree into chains of thought (the paper's Algorithm 1). Pure, as a search is."""

    def linearize(self, problem: Problem, tree: SearchTree, seed: int) -> Program[list[Trace]]:
        """Traces whose final answer has been verified again. An unsolved tree gives none."""
