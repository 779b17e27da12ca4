"""Grammar of expressions.

sum     := product (("+" | "-" | "pm" | "mp") product)*
product := signed (("*" | "/" | nothing) signed)*
signed  := ("+" | "-" | "pm" | "mp")* power
power   := postfix ["^" exponent]
postfix := atom ("!" | "%" | degree | "_" base | "_" subscript | unit)*

Juxtaposition is multiplication and binds as `*` and `/` do.
"""

from __future__ import annotations

from flint import fmpq

from astro_sympy.reading.atoms import argument, atom, base_in_words, is_mark, with_subscript
from astro_sympy.reading.cursor import Cursor
from astro_sympy.reading.lexer import Token, Unreadable
from astro_sympy.reading.literals import base_numeral, number
from astro_sympy.reading.vocabulary import SCALES
from astro_sympy.values.nodes import Apply, Measure, Node, Number, Relation, Symbol
from astro_sympy.values.units import part_of, read_unit

MAX_MARKS = 3

_STARTS = frozenset(
    {"number", "numeral", "name", "function", "(", "[", "{", "begin", "floor(", "ceil(", "\\begin",
     "currency", "...", "call"}
)  # fmt: skip
_SCALES = {"C": "celsius", "F": "fahrenheit"}


def sum_of_products(cursor: Cursor) -> Node:
    """Read a sum of signed terms."""
    terms = [product(cursor)]
    while token := cursor.accept("+", "-", "pm", "mp"):
        terms.append(_signed_by([token], product(cursor)))
    return terms[0] if len(terms) == 1 else Apply("+", tuple(terms))


def product(cursor: Cursor) -> Node:
    """Read factors and divisors from left to right."""
    above, below = [signed(cursor)], []
    while True:
        if cursor.accept("*"):
            above.append(signed(cursor))
        elif cursor.accept("/"):
            below.append(signed(cursor))
        elif starts_factor(cursor):
            _juxtapose(above, power(cursor))
        else:
            break
    node = product_of(above)
    return Apply("/", (node, product_of(below))) if below else node


def product_of(factors: list[Node]) -> Node:
    """Return the product of the factors; a single factor is returned as it is."""
    return factors[0] if len(factors) == 1 else Apply("*", tuple(factors))


def starts_factor(cursor: Cursor) -> bool:
    """Whether a factor without a multiplication sign comes next.

    Raises:
        Unreadable: Two numbers stand side by side.
    """
    kind = cursor.peek().kind
    if kind in ("number", "currency") and cursor.peek(-1).kind in ("number", "..."):
        raise Unreadable("two numbers side by side")
    if cursor.integrals and at_differential(cursor):
        return False
    return kind in _STARTS or (kind == "|" and not cursor.bars)


def at_differential(cursor: Cursor) -> bool:
    """Whether `dx` comes next."""
    return cursor.peek().text == "d" and cursor.peek(1).kind == "name"


def _juxtapose(factors: list[Node], node: Node) -> None:
    """Append a factor, but add `30 minutes` to `1 hour`, and drop `(x > 0)` after `x^2`."""
    match factors[-1], node:
        case Measure(value, unit), Measure(more, smaller) if share := part_of(smaller, unit):
            more = Apply("*", (more, Number(fmpq(*share.as_integer_ratio()))))
            factors[-1] = Measure(Apply("+", (value, more)), unit)
        case _, Relation():
            pass
        case _:
            factors.append(node)


def signed(cursor: Cursor) -> Node:
    """Read a power with the signs before it."""
    signs = []
    while token := cursor.accept("+", "-", "pm", "mp"):
        signs.append(token)
    if len(signs) > MAX_MARKS:
        raise Unreadable("too many signs")
    return _signed_by(signs, power(cursor))


def _signed_by(signs: list[Token], node: Node) -> Node:
    for sign in reversed(signs):
        if sign.kind != "+":
            node = Apply("neg" if sign.kind == "-" else sign.kind, (node,))
    return node


def power(cursor: Cursor) -> Node:
    """Read an atom with the marks after it, such as `!` or a unit, and its exponent."""
    return _raised(cursor, _marked(cursor, atom(cursor)))


def _raised(cursor: Cursor, node: Node) -> Node:
    if not cursor.accept("^"):
        return node
    if cursor.accept("*") or is_mark(cursor, "'") or _is_ordinal(cursor):
        return node
    if is_mark(cursor, "degree"):
        return _raised(cursor, _marked(cursor, _degrees(cursor, node)))
    if isinstance(node, Symbol) and cursor.kinds(2) == ("name", "_"):  # x^n_1 is x_1^n
        raised: Node = Symbol(cursor.take().text)
    else:
        raised = cursor.nested(exponent)
    if cursor.peek().kind == "_":
        node = with_subscript(cursor, node) or node
    return _marked(cursor, Apply("^", (node, raised)))


def exponent(cursor: Cursor) -> Node:
    """Read an exponent: `2^10` is 2^{10}, though TeX would print 2¹0, and `2^3^4` is 2^(3^4)."""
    if token := cursor.accept("+", "-"):
        return _signed_by([token], power(cursor))
    if token := cursor.accept("number"):
        return _raised(cursor, number(token.text))
    return _raised(cursor, atom(cursor))


def _is_ordinal(cursor: Cursor) -> bool:
    """Take the end of an ordinal such as `12^{th}` if it comes next; return whether it did."""
    braced = cursor.peek().kind == "begin"
    word = cursor.peek(int(braced))
    if word.kind != "text" or word.text not in ("th", "st", "nd", "rd"):
        return False
    cursor.index += 3 if braced else 1
    return True


def _degrees(cursor: Cursor, node: Node) -> Node:
    """Read what may follow a degree sign: `60°`, `60°42'`, `25°C`."""
    if cursor.peek().text in _SCALES:
        return Measure(node, _SCALES[cursor.take().text])
    marked = int(cursor.peek(1).kind == "^")  # 30^\prime
    if cursor.peek().kind == "number" and cursor.kinds(4)[1 + marked :][:1] == ("'",):
        minutes = number(cursor.take().text)
        cursor.index += 1 + marked
        node = Apply("+", (node, Apply("/", (minutes, Number(fmpq(60))))))
    return Apply("degree", (node,))


def _marked(cursor: Cursor, node: Node) -> Node:
    for _ in range(MAX_MARKS):
        if cursor.accept("!"):
            node = Apply("!", (node,))
        elif cursor.accept("%"):
            node = Apply("percent", (node,))
        elif cursor.accept("degree"):
            node = _degrees(cursor, node)
        elif cursor.peek().kind == "_" and isinstance(node, Number):
            cursor.take()
            node = _in_base(node, _base(cursor))
        elif isinstance(node, Number) and (base := base_in_words(cursor)):
            node = _in_base(node, base)
        elif cursor.peek().kind == "_" and (indexed := with_subscript(cursor, node)):
            node = indexed
        elif cursor.peek().kind == "currency" and cursor.peek(1).kind != "number":
            node = Measure(node, cursor.take().text)
        elif token := cursor.accept("scale"):
            node = Apply("*", (node, Number(fmpq(SCALES[token.text]))))
        elif not (cursor.integrals and at_differential(cursor)) and (unit := _unit(cursor)):
            node = Measure(node, unit)
        else:
            return node
    raise Unreadable("too many marks on one value")


def _in_base(node: Number, base: Node) -> Node:
    if node.value.q != 1:
        raise Unreadable("a base on a fraction")
    return base_numeral(str(node.value.p), base)


def _base(cursor: Cursor) -> Node:
    r"""Read the subscript of a numeral: `8`, `{8}`, `\text{eight}` or `{\text{eight}}`."""
    braced = cursor.kinds(2) == ("begin", "text")
    cursor.index += braced
    base = base_in_words(cursor, subscript=True) or argument(cursor)
    if braced:
        cursor.expect("end")
    return base


def _unit(cursor: Cursor) -> str:
    """Take a unit such as `cm`, `cm^2` or `km/h`; empty if none comes next."""
    if cursor.peek().kind != "text":
        return ""
    spelling, length = cursor.peek().text, 1
    match cursor.kinds(4)[1:]:
        case "^", "number", _:
            spelling, length = f"{spelling}^{cursor.peek(2).text}", 3
        case "^", "begin", "number":
            spelling, length = f"{spelling}^{cursor.peek(3).text}", 5
        case "/", "text" | "name", _:
            spelling, length = f"{spelling}/{cursor.peek(2).text}", 3
    if read_unit(spelling) is None:
        spelling, length = cursor.peek().text, 1
    if read_unit(spelling) is None:
        return ""
    cursor.index += length
    return spelling
