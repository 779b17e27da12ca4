"""What an answer says, as a tree of values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from flint import fmpq


@dataclass(frozen=True, slots=True)
class Number:
    """A literal. `places` is how many digits stand after its decimal point, `digits` how many are
    significant; None for `places` where it is no decimal."""

    value: fmpq
    places: int | None = None
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, or a constant: a number such as `pi`, or a set such as `RR`."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or operator on its arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with a unit, in the unit's normal spelling."""

    value: Node
    unit: str


@dataclass(frozen=True, slots=True)
class Group:
    """Items in brackets: `(1, 2]`, `{1, 2}`. The brackets decide what it may mean."""

    opening: str
    items: tuple[Node, ...]
    closing: str


@dataclass(frozen=True, slots=True)
class Series:
    """Several answers without brackets; `joined` is `, ; and or`."""

    items: tuple[Node, ...]
    joined: str = ","


@dataclass(frozen=True, slots=True)
class Relation:
    """`operands[0] operators[0] operands[1] ...`.

    The operators are `= != < <= > >= in notin approx equiv`.
    """

    operators: tuple[str, ...]
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of equal length."""

    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A value under a name in words: `Paolo: 18`."""

    name: str
    value: Node


Node = Number | Symbol | Apply | Measure | Group | Series | Relation | Matrix | Named
NUMBER_SETS = frozenset({"RR", "ZZ", "NN", "QQ", "CC"})
BINDERS = frozenset({"sum", "prod", "int", "lim", "lim+", "lim-"})
"""Functions whose first argument is a name that is bound in the last one."""
CONSTANTS = frozenset({"pi", "e", "i", "oo", "emptyset"}) | NUMBER_SETS


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
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
    """The node and all below it."""
    stack = [node]
    while stack:
        yield (top := stack.pop())
        stack.extend(children(top))


def variables(node: Node) -> frozenset[str]:
    """The names of the free variables. The index of a sum, the variable of an integral is bound."""
    match node:
        case Symbol(name):
            return frozenset() if name in CONSTANTS else frozenset({name})
        case Apply(function, (Symbol(index), *bounds, body)) if function in BINDERS:
            return frozenset().union(variables(body) - {index}, *map(variables, bounds))
    below = children(node)
    return frozenset().union(*map(variables, below)) if below else frozenset()


def substitute(node: Node, values: Mapping[str, Node]) -> Node:
    """The node with free variables replaced; a name that is bound stays."""
    match node:
        case Symbol(name):
            return values.get(name, node)
        case Apply(function, (Symbol(index), *_)) if function in BINDERS and index in values:
            values = {name: value for name, value in values.items() if name != index}
    return rebuild(node, lambda below: substitute(below, values))


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:  # noqa: PLR0911 - one return a case
    """The node with `change` applied to each child."""
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
