"""Selection rules: the score of an action given its statistics."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf, log, pow, sqrt

from astro_search.params import Puct, Uct, Widening

Score = Callable[[float, float, int], float]
"""(q, prior, visits N(S, a)) -> score of an action; the highest score is selected."""

Rule = Callable[[int], Score]
"""Visits N(S) of a state -> the score of its actions."""

_ROUNDING = 1e-9


def puct(state_visits: int, c_puct: float) -> Score:
    """Return Q(S,a) + c_puct * Pi(a|S) * sqrt(N(S)) / (1 + N(S,a)) (ASTRO, section 2)."""
    root = sqrt(state_visits)
    return lambda q, prior, visits: q + c_puct * prior * root / (1 + visits)


def uct(state_visits: int, c_p: float) -> Score:
    """Return Q(S,a) + 2 C_p * sqrt(ln N(S) / N(S,a)) (Kocsis & Szepesvari 2006), without a prior.

    The score of an action without visits is infinite.
    """
    tries = log(state_visits) if state_visits else 0.0
    return lambda q, _prior, visits: q + 2 * c_p * sqrt(tries / visits) if visits else inf


def allowed_children(visits: int, widening: Widening) -> int:
    """Return the smallest integer that is not below C N^alpha (Couetoux et al. 2011).

    By progressive widening, a node with `visits` = N is expanded while it has fewer children.
    """
    return ceil(widening.c * pow(visits, widening.alpha) - _ROUNDING)


def rule(selection: Puct | Uct) -> Rule:
    """Return the rule that the params select."""
    if isinstance(selection, Puct):
        c_puct = selection.params.c_puct
        return lambda visits: puct(visits, c_puct)
    c_p = selection.params.c_p
    return lambda visits: uct(visits, c_p)
