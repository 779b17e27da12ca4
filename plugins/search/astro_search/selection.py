"""Selection rules: the score of an action given its statistics."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf, log, pow, sqrt

from astro_search.params import Puct, Uct, Widening

Rule = Callable[[float, float, int, int], float]
"""(q, prior, parent visits N(S), visits N(S, a)) -> score; the highest score is selected."""

_ROUNDING = 1e-9


def puct(q: float, prior: float, parent_visits: int, visits: int, c_puct: float) -> float:
    """Return Q(S,a) + c_puct * Pi(a|S) * sqrt(N(S)) / (1 + N(S,a)) (ASTRO, section 2)."""
    return q + c_puct * prior * sqrt(parent_visits) / (1 + visits)


def uct(q: float, parent_visits: int, visits: int, c_p: float) -> float:
    """Return Q(S,a) + 2 C_p * sqrt(ln N(S) / N(S,a)) (Kocsis & Szepesvari 2006), without a prior.

    The score of an action without visits is infinite.
    """
    return q + 2 * c_p * sqrt(log(parent_visits) / visits) if visits else inf


def allowed_children(visits: int, widening: Widening) -> int:
    """Return the smallest integer that is not below C N^alpha (Couetoux et al. 2011).

    By progressive widening, a node with `visits` = N is expanded while it has fewer children.
    """
    return ceil(widening.c * pow(visits, widening.alpha) - _ROUNDING)


def rule(selection: Puct | Uct) -> Rule:
    """Return the rule that the params select."""
    if isinstance(selection, Puct):
        c_puct = selection.params.c_puct
        return lambda q, prior, parent, visits: puct(q, prior, parent, visits, c_puct)
    c_p = selection.params.c_p
    return lambda q, _prior, parent, visits: uct(q, parent, visits, c_p)
