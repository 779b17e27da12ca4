"""Equality of answers: lists, sets, tuples, intervals, matrices, relations and values."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from astro_sympy.comparing.equations import same_relation, solves
from astro_sympy.comparing.labels import Statement, statement
from astro_sympy.comparing.listing import aligned, members, spread, statements
from astro_sympy.comparing.piecewise import same_cases
from astro_sympy.comparing.quantities import Scope, same_quantity
from astro_sympy.comparing.regions import is_region, region, same_region
from astro_sympy.reading.environments import CASES
from astro_sympy.values.matrices import matrix
from astro_sympy.values.nodes import (
    Apply,
    Group,
    Matrix,
    Node,
    Relation,
    Series,
    Symbol,
    children,
    substitute,
    walk,
)
from astro_sympy.values.work import TooHard, Undefined

_VECTORS = ({"(", "["}, {"("}, {"["})


def same(gold: Node, answer: Node, scope: Scope) -> bool:
    """Whether two answers are the same.

    Raises:
        Undefined: One of them has no value.
        TooHard: The question cannot be decided within the bounds.
        Contradiction: One of them is a false statement, such as `0 = 7`.
    """
    gold, answer = spread(gold), spread(answer)
    if isinstance(gold, Series) or isinstance(answer, Series):
        return _same_series(gold, answer, scope)
    return _same_single(gold, answer, scope)


def _same_series(gold: Node, answer: Node, scope: Scope) -> bool:
    if _same_as_region(gold, answer, scope):
        return True
    ours, theirs = statements(gold, scope.work), statements(answer, scope.work)
    match ours, theirs:
        case [Statement(Group("(" | "{" as opening) as group)], _:
            return _same_items(members(group), theirs, scope, ordered=opening == "(")
        case _, [Statement(Group("(" | "{" as opening) as group)]:
            return _same_items(ours, members(group), scope, ordered=opening == "(")
    return _same_items(ours, theirs, scope, ordered=scope.params.ordered_lists)


def _same_items(
    ours: Sequence[Statement], theirs: Sequence[Statement], scope: Scope, ordered: bool
) -> bool:
    if len(ours) != len(theirs):
        return False
    pairs = aligned(ours, theirs) or ((ours, theirs) if ordered else None)
    if pairs is None:
        return _same_unordered(ours, theirs, scope)
    return all(_same_stated(mine, other, scope) for mine, other in zip(*pairs, strict=True))


def _same_unordered(ours: Sequence[Statement], theirs: Sequence[Statement], scope: Scope) -> bool:
    left = list(theirs)
    for mine in ours:
        found = next((other for other in left if _safely_same(mine, other, scope)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _safely_same(mine: Statement, other: Statement, scope: Scope) -> bool:
    with suppress(Undefined):
        return _same_stated(mine, other, scope)
    return False


def _same_single(gold: Node, answer: Node, scope: Scope) -> bool:
    if isinstance(gold, Relation) and isinstance(answer, Relation):
        with suppress(Undefined, TooHard):
            if same_relation(gold, answer, scope.work):
                return True
    if _same_as_region(gold, answer, scope):
        return True
    return _same_stated(statement(gold, scope.work), statement(answer, scope.work), scope)


def _same_stated(ours: Statement, theirs: Statement, scope: Scope) -> bool:
    if "name" not in scope.params.optional and ours.name != theirs.name:
        return False
    answer = theirs.value
    if len(ours.parameters) == len(theirs.parameters):
        names = zip(theirs.parameters, ours.parameters, strict=True)
        swapped = {old: new for pair in names for old, new in (pair, pair[::-1])}
        answer = substitute(answer, {old: Symbol(new) for old, new in swapped.items()})
    return _same_form(ours.value, answer, scope)


def _same_form(gold: Node, answer: Node, scope: Scope) -> bool:
    if isinstance(gold, Group) and isinstance(answer, Group):
        return _same_as_region(gold, answer, scope) or _same_group(gold, answer, scope)
    gold, answer = _alone(gold), _alone(answer)
    rows = matrix(gold), matrix(answer)
    if rows[0] and rows[1]:
        return _same_matrix(rows[0], rows[1], scope)
    if isinstance(gold, Relation) or isinstance(answer, Relation):
        return _same_with_relation(gold, answer, scope)
    if _is_value(gold) and _is_value(answer):
        return same_quantity(gold, answer, scope)
    return gold == answer or _same_as_region(gold, answer, scope)


def _alone(node: Node) -> Node:
    """Return the element of a set with one element; other nodes are returned as they are."""
    match node:
        case Group("{", (value,), _):
            return value
    return node


def _is_value(node: Node) -> bool:
    return not any(isinstance(below, Group | Series | Relation | Matrix) for below in walk(node))


def _same_with_relation(gold: Node, answer: Node, scope: Scope) -> bool:
    if gold == answer or _same_as_region(gold, answer, scope):
        return True
    match gold, answer:
        case Relation(), Relation():
            return same_relation(gold, answer, scope.work)
        case (Relation() as relation, value) | (value, Relation() as relation):
            return _is_value(value) and solves(relation, value, scope.work)
    return False


def _same_as_region(gold: Node, answer: Node, scope: Scope) -> bool:
    if not is_region(gold) and not is_region(answer):
        return False
    ours, theirs = region(gold, scope.work), region(answer, scope.work)
    return ours is not None and theirs is not None and same_region(ours, theirs, scope)


def _same_group(gold: Group, answer: Group, scope: Scope) -> bool:
    brackets = {gold.opening, answer.opening}
    if brackets == {CASES}:
        return same_cases(gold, answer, scope, _same_single)
    if brackets == {"{"}:
        sides = [list(dict.fromkeys(members(side))) for side in (gold, answer)]
        return _same_items(sides[0], sides[1], scope, ordered=False)
    if len(gold.items) != len(answer.items):
        return False
    if brackets == {":"}:
        return _same_ratio(gold.items, answer.items, scope)
    is_vector = len(gold.items) != 2 and brackets in _VECTORS
    if not is_vector and (gold.opening, gold.closing) != (answer.opening, answer.closing):
        return False
    pairs = zip(gold.items, answer.items, strict=True)
    return all(_same_single(mine, other, scope) for mine, other in pairs)


def _same_ratio(ours: Sequence[Node], theirs: Sequence[Node], scope: Scope) -> bool:
    """Whether a : b : c and d : e : f are proportional, by cross multiplication."""
    return all(
        same_quantity(Apply("*", (mine, theirs[0])), Apply("*", (other, ours[0])), scope)
        for mine, other in zip(ours, theirs, strict=True)
    )


def _same_matrix(gold: Matrix, answer: Matrix, scope: Scope) -> bool:
    ours, theirs = ([len(row) for row in side.rows] for side in (gold, answer))
    pairs = zip(children(gold), children(answer), strict=False)
    return ours == theirs and all(_same_form(mine, other, scope) for mine, other in pairs)
