"""Grammar of named functions and their arguments."""

from __future__ import annotations

from flint import fmpq

from astro_sympy.reading.atoms import argument, is_mark
from astro_sympy.reading.calculus import derivative, integral, limit
from astro_sympy.reading.cursor import Cursor
from astro_sympy.reading.expressions import (
    at_differential,
    exponent,
    power,
    product,
    product_of,
    signed,
)
from astro_sympy.reading.lexer import Token, Unreadable
from astro_sympy.values.nodes import Apply, Node, Number, Relation, Series, Symbol

_NOT_EVALUATED = frozenset({"arg", "det", "deg", "Re", "Im"})
_INVERTIBLE = frozenset({"sin", "cos", "tan", "cot"})
_ARITY = {"log": (1, 2), "binom": (2, 2)} | dict.fromkeys(("gcd", "lcm", "max", "min"), (1, 99))
_ALIASES = {"factorial": "!", "lg": "log"}


def function(cursor: Cursor, name: str) -> Node:  # noqa: PLR0911 - one return per case
    """Read the arguments of the function `name`, whose token has been taken.

    Raises:
        Unreadable: The function is not supported, or its arguments are malformed.
    """
    if name in _NOT_EVALUATED:
        raise Unreadable(f"the function {name} is not supported")
    if name == "frac":
        return _fraction(cursor)
    if name == "sqrt":
        return _root(cursor)
    if name == "binom" and cursor.peek().kind != "(":
        return Apply("binom", (argument(cursor), argument(cursor)))
    if name == "lim":
        return limit(cursor)
    subscript, raised = _scripts(cursor)
    if name == "int":
        return integral(cursor, subscript, raised)
    if name in ("sum", "prod"):
        return _series(name, subscript, raised, product(cursor))
    if subscript is not None and name != "log":
        raise Unreadable(f"a subscript on {name}")
    arguments = _arguments(cursor)
    if name in _INVERTIBLE and raised == Apply("neg", (Number(fmpq(1), None, 1),)):
        return Apply(f"arc{name}", arguments)
    node = _applied(name, arguments if subscript is None else (*arguments, subscript))
    return node if raised is None else Apply("^", (node, raised))


def _fraction(cursor: Cursor) -> Node:
    above, below = argument(cursor), argument(cursor)
    return derivative(cursor, above, below) or Apply("/", (above, below))


def _scripts(cursor: Cursor) -> tuple[Node | None, Node | None]:
    """Read a function's subscript and exponent, in either order."""
    subscript: Node | None = None
    raised: Node | None = None
    while token := cursor.accept("_", "^"):
        if token.kind == "_":
            subscript = argument(cursor)
        elif is_mark(cursor, "'") or is_mark(cursor, "degree"):
            raise Unreadable("a mark on a function")
        else:
            raised = cursor.nested(exponent)
    return subscript, raised


def _root(cursor: Cursor) -> Node:
    index: Node = Number(fmpq(2))
    if cursor.accept("["):
        index = cursor.enclosed(0, "]")
    return Apply("root", (argument(cursor), index))


def _arguments(cursor: Cursor) -> tuple[Node, ...]:
    """Read arguments in parentheses, or factors up to the next operator, function or bracket."""
    if cursor.accept("("):
        inside = cursor.enclosed(0, ")")
        return inside.items if isinstance(inside, Series) else (inside,)
    factors = [cursor.nested(signed)]
    while cursor.peek().kind in ("number", "name") or cursor.peek() == Token("function", "frac"):
        if cursor.integrals and at_differential(cursor):
            break
        factors.append(power(cursor))
    return (product_of(factors),)


def _series(name: str, low: Node | None, high: Node | None, body: Node) -> Node:
    match low:
        case Relation(("=",), (Symbol() as index, first)) if high is not None:
            return Apply(name, (index, first, high, body))
    raise Unreadable(f"a {name} without bounds")


def _applied(name: str, arguments: tuple[Node, ...]) -> Node:
    fewest, most = _ARITY.get(name, (1, 1))
    if not fewest <= len(arguments) <= most:
        raise Unreadable(f"{name} of {len(arguments)} arguments")
    match name, arguments:
        case "exp", (value,):
            return Apply("^", (Symbol("e"), value))
        case "cbrt", (value,):
            return Apply("root", (value, Number(fmpq(3))))
    return Apply(_ALIASES.get(name, name), arguments)
