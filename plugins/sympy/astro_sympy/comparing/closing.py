"""Closed forms of answers that contain an infinite sum, integral, limit or derivative."""

from __future__ import annotations

from contextlib import suppress

from astro_sympy.comparing.identity import has_value
from astro_sympy.values.nodes import Apply, Node, rebuild, variables, walk
from astro_sympy.values.rational import MAX_TERMS, Irrational, rational, whole
from astro_sympy.values.symbolic import closed_form
from astro_sympy.values.work import TooHard, Undefined, Work

_CALCULUS = frozenset({"int", "lim", "lim+", "lim-", "diff"})


def is_open(node: Node) -> bool:
    """Whether some part of the expression cannot be evaluated by arithmetic alone."""
    return any(map(_is_open, walk(node)))


def closed(node: Node, work: Work) -> Node:
    """Replace open parts by their closed forms; a part without one is kept."""
    node = rebuild(node, lambda below: closed(below, work))
    if _is_open(node):
        with suppress(TooHard, Undefined):
            return _closed(node, work)
    return node


def _closed(node: Node, work: Work) -> Node:
    """Return the closed form of one open part.

    Raises:
        Undefined: The body has no value at any point tried. A rule that cancels terms might still
            give it one, such as 5 for 5 * 0 / 0.
    """
    assert isinstance(node, Apply)
    if not has_value(node.arguments[-1], work):
        raise Undefined("it has no value at the points tried")
    return closed_form(node, work.allowance)


def _is_open(node: Node) -> bool:
    match node:
        case Apply("sum" | "prod", (_, low, high, _)) if not variables(low) | variables(high):
            return not _is_short(low, high)
        case Apply(function):
            return function in _CALCULUS
    return False


def _is_short(low: Node, high: Node) -> bool:
    work = Work(0, 1000)
    try:
        return whole(rational(high, {}, work)) - whole(rational(low, {}, work)) < MAX_TERMS
    except Irrational:
        return False
    except (Undefined, TooHard):
        return True
