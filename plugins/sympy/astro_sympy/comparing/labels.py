"""Values of labeled answers: 5 of `x = 5`, 2x of `f(x) = 2x`, 5 of `A = 2 + 3 = 5`."""

from __future__ import annotations

import re
from typing import NamedTuple

from astro_sympy.comparing.identity import identical
from astro_sympy.comparing.rounding import rounds_to
from astro_sympy.values.nodes import (
    CONSTANTS,
    NUMBER_SETS,
    Apply,
    Group,
    Named,
    Node,
    Number,
    Relation,
    Series,
    Symbol,
    variables,
)
from astro_sympy.values.work import Undefined, Work

_CALL = re.compile(r"[^()]+\(([^()]*)\)")
_COMPARED = frozenset({"=", "!=", "<", "<=", ">", ">="})
_SEGMENT = re.compile(r"[A-Z](?:_\w+)?'*")


class Contradiction(ValueError):
    """A statement that is false whatever its variables are, such as `0 = 7`."""


class Statement(NamedTuple):
    """A value, its label if any, and the parameters of the label if it is one such as f(x)."""

    value: Node
    name: str = ""
    parameters: tuple[str, ...] = ()


def statement(node: Node, work: Work) -> Statement:
    """Split `name = value`; an equation in several variables is kept as it is.

    Raises:
        Contradiction: The parts of a chain `a = b = c` differ.
        Undefined: The equation is approximate, or a part has no value.
    """
    match node:
        case Named(_, value):
            return statement(value, work)
        case Relation(("in",), (left, right)) if is_label(left) and not _is_number_set(right):
            return Statement(right, _spelling(left))
        case Relation(operators, operands) if set(operators) <= {"=", "approx"}:
            return _equality(node, operators, operands, work)
    return Statement(node)


def _is_number_set(node: Node) -> bool:
    return isinstance(node, Symbol) and node.name in NUMBER_SETS


def is_label(node: Node) -> bool:
    """Whether an expression can label a value: `x`, `f(x)`, `AB`, `a:b`, `|AB|`, `(x, y)`."""
    match node:
        case Symbol(name):
            return name not in CONSTANTS
        case Apply("*", (Apply("^", (Symbol(), Apply("neg", (Number(),)))), Symbol())):  # f^{-1}(x)
            return True
        case Apply("*", arguments):
            return all(
                isinstance(part, Symbol) and _SEGMENT.fullmatch(part.name) for part in arguments
            )
        case Apply("/" | "abs" | "sin" | "cos" | "tan", arguments):
            return all(map(is_label, arguments))
        case Group("(" | ":", items, ")" | ":"):
            return all(map(is_label, items))
    return False


def without_subject(node: Node) -> Node:
    """Return only the values of an equation such as `m + n = 256 + 37 = 293`.

    Its subject is a sum or product of several letters. Such an equation does not determine the
    letters, so it can only name the value of the subject.
    """
    match node:
        case Named(name, value):
            return Named(name, without_subject(value))
        case Relation(operators, (subject, *values)) if set(operators) == {"="}:
            if not _is_combination(subject) or any(map(variables, values)):
                return node
            return Relation(operators[1:], tuple(values)) if len(values) > 1 else values[0]
    return node


def _is_combination(node: Node) -> bool:
    """Whether a node is a sum, difference or product of at least two letters: `100m + n`, `pq`."""
    terms = node.arguments if isinstance(node, Apply) and node.function == "+" else (node,)
    return all(map(_is_term, terms)) and len(variables(node)) > 1


def _is_term(node: Node) -> bool:
    match node:
        case Symbol(name):
            return name not in CONSTANTS
        case Apply("neg", (value,)):
            return _is_term(value)
        case Apply("*", (Number() as number, *factors)) if number.value.q == 1:
            return all(map(_is_term, factors))
        case Apply("*", factors):
            return all(isinstance(factor, Symbol) and _is_term(factor) for factor in factors)
    return False


def restates(answer: Node, gold: Node) -> bool:
    """Whether the answer has an equation or inequality to be solved, and the reference has none."""
    return _is_open(answer) and not _is_open(gold)


def _is_open(node: Node) -> bool:
    """Whether a relation in one variable, such as `2x + 1 = 11`, does not say what that is."""
    match node:
        case Relation(operators, operands) if _COMPARED.issuperset(operators):
            subjects = [operand for operand in operands if variables(operand)]
            if "=" not in operators:  # -x < 1 bounds x as x > -1 does
                subjects = [_without_sign(subject) for subject in subjects]
            return len(variables(node)) == 1 and not all(map(is_label, subjects))
        case Named(_, value) | Group("{|", (_, value), _):
            return _is_open(value)
        case Series(items, _) | Group("{" | "(", items, _):
            return any(map(_is_open, items))
    return False


def _without_sign(node: Node) -> Node:
    match node:
        case Apply("neg", (value,)):
            return value
    return node


def _equality(
    node: Relation, operators: tuple[str, ...], operands: tuple[Node, ...], work: Work
) -> Statement:
    labels = [operand for operand in operands[:-1] if is_label(operand)]
    values = [operand for operand in operands[:-1] if not is_label(operand)] + [operands[-1]]
    if not labels and is_label(operands[-1]):  # 2 = x
        labels, values = [operands[-1]], values[:-1]
    if not labels and any(map(variables, values)):
        if "approx" in operators:
            raise Undefined("the equation is approximate")
        return Statement(node)
    _check_consistent(values, "approx" in operators, work)
    value = values[0] if "approx" in operators else values[-1]
    name = _spelling(labels[0]) if labels else ""
    call = _CALL.fullmatch(name)
    return Statement(value, name, tuple(call[1].split(",")) if call and call[1] else ())


def _check_consistent(values: list[Node], approximate: bool, work: Work) -> None:
    first = values[0]
    for other in values[1:]:
        same = approximate and rounds_to(first, other, work, least_digits=1)
        if not same and not identical(first, other, work):
            raise Contradiction("it equates different values")


def _spelling(node: Node) -> str:
    match node:
        case Symbol(name):
            return name
        case Apply(_, arguments) | Group(_, arguments, _):
            return " ".join(map(_spelling, arguments))
    return ""
