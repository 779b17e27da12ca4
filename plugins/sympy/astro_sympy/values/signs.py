"""Expansion of plus-minus signs (`pm`, `mp`): one value for each choice of signs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from astro_sympy.values.nodes import Apply, Group, Node, rebuild, walk
from astro_sympy.values.work import TooHard

MAX_SIGNS = 4


def variants(node: Node) -> list[Node]:
    """Return the values for all choices of the `pm` signs.

    If there is an `mp`, there are two values: one with every `pm` positive and every `mp` negative,
    and the opposite. A set is not expanded, since each of its items has variants of its own.

    Raises:
        TooHard: There are more than four signs.
    """
    if isinstance(node, Group) and node.opening == "{":
        return [node]
    signs = [below.function for below in walk(node) if _is_sign(below)]  # type: ignore[union-attr]
    if not signs:
        return [node]
    if len(signs) > MAX_SIGNS:
        raise TooHard("too many plus-minus signs")
    choices = list(product((True, False), repeat=len(signs)))
    if "mp" in signs:
        choices = [choices[0], choices[-1]]
    return list(dict.fromkeys(_signed(node, iter(choice).__next__) for choice in choices))


def _is_sign(node: Node) -> bool:
    return isinstance(node, Apply) and node.function in ("pm", "mp")


def _signed(node: Node, choose: Callable[[], bool]) -> Node:
    match rebuild(node, lambda below: _signed(below, choose)):
        case Apply("pm" | "mp" as sign, (value,)):
            return value if choose() == (sign == "pm") else Apply("neg", (value,))
        case other:
            return other
