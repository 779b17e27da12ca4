"""Sets of real numbers as intervals: from brackets, inequalities, unions and set-builders."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flint import arb, fmpq

from astro_sympy.comparing.identity import evaluate, identical
from astro_sympy.comparing.labels import is_label
from astro_sympy.comparing.quantities import Scope, same_quantity
from astro_sympy.values.intervals import (
    INFINITY,
    MINUS_INFINITY,
    End,
    Interval,
    Region,
    combined,
    complement,
    everything,
    mirrored,
    union,
)
from astro_sympy.values.nodes import (
    Apply,
    Group,
    Node,
    Number,
    Relation,
    Series,
    Symbol,
    substitute,
    variables,
)
from astro_sympy.values.work import Work

_ORDER = frozenset({"<", "<=", ">", ">=", "!="})
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "!=": "!="}


def same_region(gold: Region, answer: Region, scope: Scope) -> bool:
    """Whether two sets of real numbers have the same intervals with the same ends."""
    return len(gold) == len(answer) and all(
        left.closed == right.closed and same_quantity(left.node, right.node, scope)
        for ours, theirs in zip(gold, answer, strict=True)
        for left, right in ((ours.low, theirs.low), (ours.high, theirs.high))
    )


def is_region(node: Node) -> bool:
    """Whether the node can only be a set of real numbers; `(1, 2)` may also be a point."""
    match node:
        case Group("{|") | Apply("cup" | "cap" | "setminus"):
            return True
        case Group("(" | "[" as opening, (low, high), closing):
            return (opening == "(") != (closing == ")") or bool(
                {low, high} & {INFINITY, MINUS_INFINITY}
            )
        case Relation(operators, _):
            return set(operators) <= _ORDER
        case Series(items, _):
            return all(map(is_region, items))
        case Symbol("emptyset" | "RR"):
            return True
    return False


def region(node: Node, work: Work) -> Region | None:  # noqa: PLR0911 - one return per case
    """Return the set of real numbers that `node` may stand for; None if there is none."""
    match node:
        case Symbol("emptyset"):
            return ()
        case Symbol("RR"):
            return everything()
        case Group("(" | "[" as opening, (low, high), closing):
            return union(
                [Interval(_end(low, opening == "[", work), _end(high, closing == "]", work))]
            )
        case Group("{", items, _):
            return union([_point(item, work) for item in items])
        case Group("{|", (variable, condition), _):
            over_reals = isinstance(variable, Relation) and variable.operands[-1] == Symbol("RR")
            return region(condition, work) if is_label(variable) or over_reals else None
        case Relation(("in",), (left, right)) if is_label(left):
            return region(right, work)
        case Relation(("=",), (left, right)) if is_label(left) and not variables(right):
            return (_point(right, work),)
        case Relation(operators, operands) if set(operators) <= _ORDER:
            return _inequalities(operators, operands, work)
        case Apply("+", (left, Apply("neg", (Group("{") as right,)))):  # R - {0}
            return combined("setminus", region(left, work), region(right, work))
        case Apply("cup" | "cap" | "setminus" as operation, (left, right)):
            return combined(operation, region(left, work), region(right, work))
        case Series(items, joined):
            return _joined(items, joined, work)
    return None


def _end(node: Node, closed: bool, work: Work) -> End:
    if node == INFINITY:
        return End(node, False, math.inf)
    if node == MINUS_INFINITY:
        return End(node, False, -math.inf)
    if variables(node):
        return End(node, closed, math.nan)
    value = evaluate(node, work)
    return End(node, closed, float(arb(value)))


def _point(node: Node, work: Work) -> Interval:
    end = _end(node, True, work)
    return Interval(end, end)


def _joined(items: Sequence[Node], joined: str, work: Work) -> Region | None:
    """Intersect conditions; unite them if `or` joins them, or if they exclude each other."""
    parts = [region(item, work) for item in items]
    whole: Region | None = parts[0]
    for part in parts[1:]:
        whole = combined("cup" if joined == "or" else "cap", whole, part)
    if whole == () and joined != "or":
        return _joined(items, "or", work)
    return whole


def _inequalities(operators: Sequence[str], operands: Sequence[Node], work: Work) -> Region | None:
    """Return the region of `a < x <= b`, where each link bounds the operand with the variable."""
    match operators, operands:
        case ("<" | "<=", "<" | "<=") | (">" | ">=", ">" | ">="), (low, middle, high) if _is_name(
            middle
        ):
            if operators[0][0] == ">":
                low, high, operators = high, low, operators[::-1]
            closed = [operator[1:] == "=" for operator in operators]
            return union([Interval(_end(low, closed[0], work), _end(high, closed[1], work))])
    whole: Region | None = everything()
    for link in zip(operands, operators, operands[1:], strict=False):
        whole = combined("cap", whole, _link(*link, work))
    return whole


def _link(left: Node, operator: str, right: Node, work: Work) -> Region | None:
    if bool(variables(left)) == bool(variables(right)):
        return None
    if variables(left):
        return _half_line(left, operator, right, work)
    return _half_line(right, _FLIPPED[operator], left, work)


def _is_name(node: Node) -> bool:
    return is_label(node) and not isinstance(node, Apply)


def _half_line(subject: Node, operator: str, bound: Node, work: Work) -> Region | None:
    if isinstance(subject, Apply) and subject.function == "abs" and is_label(subject.arguments[0]):
        return mirrored(_half_line(subject.arguments[0], operator, bound, work))
    if not is_label(subject):
        solved = _solved(subject, operator, bound, work)
        return solved and _half_line(*solved, work)
    (line,) = everything()
    end = _end(bound, operator in ("<=", ">=", "!="), work)
    if operator == "!=":
        return complement((Interval(end, end),)) if not math.isnan(end.key) else None
    if operator in ("<", "<="):
        return (Interval(line.low, end),)
    return (Interval(end, line.high),)


def _solved(subject: Node, operator: str, bound: Node, work: Work) -> tuple[Node, str, Node] | None:
    """Solve `a x + b < c` as `x < (c - b) / a`; None if it is not linear in one variable."""
    names = variables(subject)
    if len(names) != 1:
        return None
    (name,) = names
    at = [substitute(subject, {name: Number(fmpq(n))}) for n in (0, 1)]
    slope = Apply("+", (at[1], Apply("neg", (at[0],))))
    if not identical(subject, Apply("+", (at[0], Apply("*", (slope, Symbol(name))))), work):
        return None
    rises = evaluate(slope, work) > 0
    root = Apply("/", (Apply("+", (bound, Apply("neg", (at[0],)))), slope))
    return Symbol(name), operator if rises else _FLIPPED[operator], root
