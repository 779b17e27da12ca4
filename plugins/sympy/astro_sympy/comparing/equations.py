"""Equivalence of relations: `2x + 4y = 6` is `y = 3/2 - x/2`, and `5 >= x` is `x <= 5`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from flint import fmpq

from astro_sympy.comparing.identity import evaluate, identical
from astro_sympy.comparing.sampling import points
from astro_sympy.values.nodes import Apply, Node, Number, Relation, Symbol, substitute, variables
from astro_sympy.values.work import Undefined, Work

_BACKWARDS = {">": "<", ">=": "<="}
_TRIES = 4


def same_relation(left: Relation, right: Relation, work: Work) -> bool:
    """Whether each link of one chain is a multiple of the same link of the other."""
    ours, theirs = _links(left), _links(right)
    return len(ours) == len(theirs) and all(
        mine[0] == other[0] and _proportional(mine[1], other[1], mine[0] in ("<", "<="), work)
        for mine, other in zip(ours, theirs, strict=True)
    )


def solves(relation: Relation, expression: Node, work: Work) -> bool:
    """Whether an equation in two variables, solved for one, gives an expression in the other."""
    match relation:
        case Relation(("=",), (left, right)):
            names, known = variables(relation), variables(expression)
            if len(names) != 2 or len(known) != 1 or not known < names:
                return False
            (unknown,) = names - known
            solution = {unknown: expression}
            return _is_linear(left, right, unknown, work) and identical(
                substitute(left, solution), substitute(right, solution), work
            )
    return False


def _is_linear(left: Node, right: Node, unknown: str, work: Work) -> bool:
    """Whether `left - right` is linear in a variable; `y^2 = 4x` has two solutions for y."""
    node = Apply("+", (left, Apply("neg", (right,))))
    first, second = (substitute(node, {unknown: Number(fmpq(n))}) for n in (1, 2))
    slope = Apply("+", (second, Apply("neg", (first,))))
    steps = Apply("+", (Symbol(unknown), Number(fmpq(-1))))
    return identical(node, Apply("+", (first, Apply("*", (slope, steps)))), work)


def _links(relation: Relation) -> Sequence[tuple[str, Node]]:
    """Return each link as operator and `left - right`, with `<` for `>`, in rising order."""
    operands = relation.operands
    links = [_link(*link) for link in zip(operands, relation.operators, operands[1:], strict=False)]
    return links[::-1] if relation.operators[0] in _BACKWARDS else links


def _link(left: Node, operator: str, right: Node) -> tuple[str, Node]:
    if operator in _BACKWARDS:
        return _link(right, _BACKWARDS[operator], left)
    return operator, Apply("+", (left, Apply("neg", (right,))))


def _proportional(left: Node, right: Node, positive: bool, work: Work) -> bool:
    """Whether left / right is the same nonzero constant for all values of the variables."""
    for point in islice(points(left, right, work), _TRIES):
        values = {name: Number(value) for name, value in point.items()}
        ours, theirs = substitute(left, values), substitute(right, values)
        try:
            signs = _sign(ours, work) * _sign(theirs, work)
        except Undefined:
            continue
        if not signs or not values or (positive and signs < 0):
            return False
        return identical(Apply("*", (left, theirs)), Apply("*", (right, ours)), work)
    return False


def _sign(node: Node, work: Work) -> int:
    value = evaluate(node, work)
    return int(value > 0) - int(value < 0)
