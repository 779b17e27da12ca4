"""Expression trees: the form of an answer after parsing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from flint import fmpq


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number.

    Attributes:
        value: The exact value.
        places: The number of digits after the decimal point; None if there is no decimal point.
        digits: The number of significant digits.
    """

    value: fmpq
    places: int | None = None
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, or a constant: a number such as `pi`, or a set such as `RR`."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or operator applied to its arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with a unit, as it is spelled in the answer."""

    value: Node
    unit: str


@dataclass(frozen=True, slots=True)
class Group:
    """Items in brackets, such as `(1, 2]` and `{1, 2}`. Its meaning depends on the brackets."""

    opening: str
    items: tuple[Node, ...]
    closing: str


@dataclass(frozen=True, slots=True)
class Series:
    """Several answers without brackets; `joined` is one of `,`, `;`, `and`, `or`."""

    items: tuple[Node, ...]
    joined: str = ","


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain of relations: `operands[0] operators[0] operands[1] ...`.

    The operators are `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `notin`, `approx` and `equiv`.
    """

    operators: tuple[str, ...]
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix; its rows are of equal length."""

    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A value with a name in words, such as `Paolo: 18`."""

    name: str
    value: Node


Node = Number | Symbol | Apply | Measure | Group | Series | Relation | Matrix | Named
NUMBER_SETS = frozenset({"RR", "ZZ", "NN", "QQ", "CC"})
BINDERS = frozenset({"sum", "prod", "int", "lim", "lim+", "lim-"})
"""Functions whose first argument is a variable that is bound in the last one."""
CONSTANTS = frozenset({"pi", "e", "i", "oo", "emptyset"}) | NUMBER_SETS


def children(node: Node) -> tuple[Node, ...]:
    """Return the direct children of a node."""
    match node:
        case Apply(_, arguments):
            return arguments
        case Group(_, items, _) | Series(items, _):
            return items
        case Relation(_, operands):
            return operands
        case Matrix(rows):
            return tuple(entry for row in rows for entry in row)
        case Measure(value, _) | Named(_, value):
            return (value,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all its descendants, in preorder."""
    stack = [node]
    while stack:
        yield (top := stack.pop())
        stack.extend(children(top))


def variables(node: Node) -> frozenset[str]:
    """Return the names of the free variables.

    The index of a sum and the variable of an integral are bound.
    """
    match node:
        case Symbol(name):
            return frozenset() if name in CONSTANTS else frozenset({name})
        case Apply(function, (Symbol(index), *bounds, body)) if function in BINDERS:
            return frozenset().union(variables(body) - {index}, *map(variables, bounds))
    below = children(node)
    return frozenset().union(*map(variables, below)) if below else frozenset()


def substitute(node: Node, values: Mapping[str, Node]) -> Node:
    """Replace free variables by values; bound variables are kept."""
    match node:
        case Symbol(name):
            return values.get(name, node)
        case Apply(function, (Symbol(index), *_)) if function in BINDERS and index in values:
            values = {name: value for name, value in values.items() if name != index}
    return rebuild(node, lambda below: substitute(below, values))


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:  # noqa: PLR0911 - one return per case
    """Return the node with `change` applied to each child."""
    match node:
        case Apply(function, arguments):
            return Apply(function, tuple(map(change, arguments)))
        case Group(opening, items, closing):
            return Group(opening, tuple(map(change, items)), closing)
        case Series(items, joined):
            return Series(tuple(map(change, items)), joined)
        case Relation(operators, operands):
            return Relation(operators, tuple(map(change, operands)))
        case Matrix(rows):
            return Matrix(tuple(tuple(map(change, row)) for row in rows))
        case Measure(value, unit):
            return Measure(change(value), unit)
        case Named(name, value):
            return Named(name, change(value))
    return node
