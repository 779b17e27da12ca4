"""Selection rules: how promising an action is, by what is known of it so far."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, sqrt

from astro_search.params import Puct, Uct

Rule = Callable[[float, float, int, int], float]
"""(q, prior, parent visits N(S), visits N(S, a)) -> score; the highest is selected."""


def puct(q: float, prior: float, parent_visits: int, visits: int, c_puct: float) -> float:
    """Q(S,a) + c_puct * Pi(a|S) * sqrt(N(S)) / (1 + N(S,a)): the paper's selection rule."""
    return q + c_puct * prior * sqrt(parent_visits) / (1 + visits)


def uct(q: float, parent_visits: int, visits: int, c_p: float) -> float:
    """Q(S,a) + 2 C_p * sqrt(ln N(S) / N(S,a)), of Kocsis & Szepesvari 2006; no prior.

    An action never tried scores infinity.
    """
    return q + 2 * c_p * sqrt(log(parent_visits) / visits) if visits else inf


def rule(selection: Puct | Uct) -> Rule:
    """The rule that the params name."""
    if isinstance(selection, Puct):
        c_puct = selection.params.c_puct
        return lambda q, prior, parent, visits: puct(q, prior, parent, visits, c_puct)
    c_p = selection.params.c_p
    return lambda q, _prior, parent, visits: uct(q, parent, visits, c_p)
