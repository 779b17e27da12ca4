"""Lists of answers: their items, and whether their order counts."""

from __future__ import annotations

from collections.abc import Sequence

from astro_sympy.comparing.labels import Statement, statement
from astro_sympy.values.nodes import NUMBER_SETS, Group, Node, Relation, Series, Symbol
from astro_sympy.values.signs import variants
from astro_sympy.values.work import TooHard, Work

MAX_ITEMS = 60
_AXES = frozenset("xyz")


def spread(node: Node) -> Node:
    r"""Expand each `pm` to several answers, and drop conditions such as `k \in Z` from a list.

    Raises:
        TooHard: There are more than `MAX_ITEMS` answers.
    """
    items = [variant for item in _items(node) for variant in variants(item)]
    items = [item for item in items if not _is_condition(item)] or items
    if len(items) > MAX_ITEMS:
        raise TooHard(f"more than {MAX_ITEMS} answers")
    if len(items) == 1:
        return items[0]
    return Series(tuple(items), node.joined if isinstance(node, Series) else "or")


def members(group: Group) -> list[Statement]:
    """Return the items of a set or tuple, with each `pm` expanded.

    Raises:
        TooHard: There are more than `MAX_ITEMS` items.
    """
    if len(group.items) > MAX_ITEMS:
        raise TooHard(f"more than {MAX_ITEMS} items")
    return [Statement(variant) for item in group.items for variant in variants(item)]


def statements(node: Node, work: Work) -> list[Statement]:
    """Return the statements of a list; `p = 5, q = 2; p = 7, q = 2` are pairs (5, 2), (7, 2)."""
    items = _items(node)
    if any(isinstance(item, Series) for item in items):
        return [_tuple([statement(part, work) for part in _items(item)]) for item in items]
    stated = [statement(item, work) for item in items]
    names = [each.name for each in stated]
    period = names.index(names[0], 1) if names[0] and names[0] in names[1:] else 0
    if period < 2 or names != names[:period] * (len(names) // period):
        return stated
    return [_tuple(stated[i : i + period]) for i in range(0, len(names), period)]


def aligned(
    ours: Sequence[Statement], theirs: Sequence[Statement]
) -> tuple[Sequence[Statement], Sequence[Statement]] | None:
    """Return the lists in corresponding order; None if the order does not count.

    Labels on both sides are matched. Labels on one side only, as in `p = 3, q = 4`, fix the order
    of the other side, except for indexed ones such as `x_1`, `x_2`. Coordinates are in the order
    x, y, z.
    """
    names = [[each.name for each in side] for side in (ours, theirs)]
    if all(names[0]) and sorted(names[0]) == sorted(set(names[1])):
        return ours, sorted(theirs, key=lambda each: names[0].index(each.name))
    if _is_ordered(ours) != _is_ordered(theirs):
        return _by_axis(ours), _by_axis(theirs)
    return None


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Series) else (node,)


def _is_condition(node: Node) -> bool:
    match node:
        case Relation(("in",), (_, Symbol(name))):
            return name in NUMBER_SETS
    return False


def _tuple(parts: Sequence[Statement]) -> Statement:
    if len(parts) == 1:
        return parts[0]
    return Statement(Group("(", tuple(each.value for each in parts), ")"))


def _is_ordered(side: Sequence[Statement]) -> bool:
    return len({each.name.partition("_")[0] for each in side} - {""}) == len(side)


def _by_axis(side: Sequence[Statement]) -> Sequence[Statement]:
    if {each.name for each in side} <= _AXES:
        return sorted(side, key=lambda each: each.name)
    return side
