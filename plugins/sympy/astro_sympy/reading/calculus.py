r"""Grammar of integrals, limits and derivatives that have a value.

integral   := "\int" bounds sum "d" name
limit      := "\lim" "_{" name "\to" sum ["^" sign] "}" product
derivative := "\frac{d}{dx}" product
"""

from __future__ import annotations

from flint import fmpq

from astro_sympy.reading.cursor import Cursor
from astro_sympy.reading.expressions import (
    at_differential,
    product,
    product_of,
    starts_factor,
    sum_of_products,
)
from astro_sympy.reading.lexer import Unreadable
from astro_sympy.values.nodes import Apply, Node, Number, Symbol

_DIFFERENTIALS = (Symbol("d"), Symbol("partial"))
_MAX_ORDER = 10


def integral(cursor: Cursor, low: Node | None, high: Node | None) -> Node:
    r"""Read the integrand and differential after the bounds of `\int_0^1`.

    Raises:
        Unreadable: The integral has no bounds.
    """
    if low is None or high is None:
        raise Unreadable("an integral without bounds")
    if at_differential(cursor):
        body: Node = Number(fmpq(1))
    else:
        cursor.integrals += 1
        body = cursor.nested(sum_of_products)
        cursor.integrals -= 1
    if at_differential(cursor):
        cursor.take()
        name: Node = Symbol(cursor.take().text)
    else:
        name, body = _split(body)
    return Apply("int", (name, low, high, body))


def limit(cursor: Cursor) -> Node:
    r"""Read what follows `\lim`: `_{x \to 0^+}` and the expression."""
    cursor.expect("_")
    cursor.expect("begin")
    name = Symbol(cursor.expect("name").text)
    cursor.expect("to")
    side = _side(cursor)
    target = cursor.nested(sum_of_products)
    cursor.expect("end")
    return Apply("lim" + side, (name, target, cursor.nested(product)))


def derivative(cursor: Cursor, above: Node, below: Node) -> Node | None:
    r"""Read the operand of `\frac{d}{dx}`; None if `above` and `below` are an ordinary fraction."""
    match above, below:
        case Symbol(), Apply("*", (Symbol() as mark, Symbol() as name)):
            order = Number(fmpq(1))
        case (
            Apply("^", (Symbol() as above, Number() as order)),
            Apply("*", (Symbol() as mark, Apply("^", (Symbol() as name, Number() as again)))),
        ) if order == again and order.value.q == 1 and 1 <= order.value <= _MAX_ORDER:
            pass
        case _:
            return None
    if above != mark or mark not in _DIFFERENTIALS or not starts_factor(cursor):
        return None
    return Apply("diff", (name, order, cursor.nested(product)))


def _side(cursor: Cursor) -> str:
    """Remove the sign at the end of `0^+` or `0^{-}` from the tokens and return it."""
    end = _closing(cursor)
    braced = cursor.stream[end - 1].kind == "end"
    start = end - (4 if braced else 2)
    sign = cursor.stream[end - 1 - braced].kind
    if sign not in ("+", "-") or cursor.stream[start].kind != "^":
        return ""
    del cursor.stream[start:end]
    return sign


def _closing(cursor: Cursor) -> int:
    """Return the position of the brace that closes the current one."""
    position, level = cursor.index, 0
    while level or cursor.stream[position].kind != "end":
        kind = cursor.stream[position].kind
        if not kind:
            raise Unreadable("the text ends too early")
        level += (kind == "begin") - (kind == "end")
        position += 1
    return position


def _split(body: Node) -> tuple[Symbol, Node]:
    r"""Split a fraction with a differential, as `\frac{2\,dx}{x}`, into variable and integrand."""
    match body:
        case Apply("/", (Apply("*", (*rest, Symbol("d"), Symbol() as name)), below)):
            above = product_of(list(rest)) if rest else Number(fmpq(1))
            return name, Apply("/", (above, below))
    raise Unreadable("an integral without a variable")
