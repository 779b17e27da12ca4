"""Grammar of the smallest parts of an expression: numerals, names and bracketed expressions."""

from __future__ import annotations

import re

from flint import fmpq

from astro_sympy.reading.cursor import Cursor
from astro_sympy.reading.environments import CASES, environment
from astro_sympy.reading.lexer import Token, Unreadable
from astro_sympy.reading.literals import base_numeral, number
from astro_sympy.values.nodes import (
    Apply,
    Group,
    Measure,
    Node,
    Number,
    Series,
    Symbol,
)

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_FUNCTION_NAMES = frozenset("fghFGH")
_BASES = [
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen",
]  # fmt: skip
_BASE = re.compile(rf"(\(?(?:in )?base\b[ -]?)?({'|'.join(_BASES)}|\d\d?)?\)?")


def atom(cursor: Cursor) -> Node:
    """Read the next atom.

    Raises:
        Unreadable: No atom begins here.
    """
    return cursor.nested(_atom)


def argument(cursor: Cursor) -> Node:
    """Read an argument as TeX does: a group in braces, or one character."""
    token = cursor.peek()
    if token.kind == "number" and token.text.isdigit():
        return number(cursor.digit())
    return atom(cursor)


def is_mark(cursor: Cursor, kind: str) -> bool:
    r"""Take an exponent that consists of this mark, as in `30^\circ` and `30^{\circ}`.

    Returns whether there was one.
    """
    if cursor.accept(kind):
        return True
    if cursor.kinds(3) != ("begin", kind, "end"):
        return False
    cursor.index += 3
    return True


def call(cursor: Cursor) -> Symbol:
    """Read `f(x)` as one symbol of that name."""
    parts, level = [cursor.take().text], 0
    while True:
        token = cursor.take()
        parts.append(token.text)
        level += (token.kind == "(") - (token.kind == ")")
        if not level:
            return Symbol("".join(parts))


def _atom(cursor: Cursor) -> Node:  # noqa: PLR0911 - one return per case
    token = cursor.take()
    match token.kind:
        case "number":
            return _mixed(cursor, number(token.text))
        case "numeral":
            cursor.expect("_")
            return base_numeral(token.text, argument(cursor))
        case "name":
            return _symbol(cursor, token)
        case "function":
            return cursor.function(cursor, token.text)
        case "(" | "[" | "{":
            return _group(cursor, token.kind)
        case "begin":
            return _braces(cursor)
        case "|":
            return Apply("abs", (cursor.enclosed(cursor.bars + 1, "|"),))
        case "floor(" | "ceil(":
            name = token.kind[:-1]
            return Apply(name, (cursor.enclosed(cursor.bars, f"{name})"),))
        case "\\begin":
            return environment(cursor, token.text)
        case "currency":
            return Measure(atom(cursor), token.text)
        case "...":
            return Symbol("...")
        case "call":
            cursor.index -= 1
            return call(cursor)
    raise Unreadable(f"expected a value, got {token.text!a:.20}")


def _mixed(cursor: Cursor, whole: Number) -> Node:
    r"""Read a mixed number: `2\frac{1}{3}` and `2 1/3` are 7/3; `2\frac{x}{3}` is a product.

    Raises:
        Unreadable: The fraction is improper, as in `2\frac{4}{3}`: as a product, it would equal
            the mixed number 2 2/3, so neither reading is safe.
    """
    start = cursor.index
    if whole.places is not None:
        return whole
    if cursor.peek() == Token("function", "frac"):
        cursor.take()
        above, below = argument(cursor), argument(cursor)
    elif cursor.kinds(3) == ("number", "/", "number"):
        above, below = number(cursor.take().text), number((cursor.take(), cursor.take())[1].text)
    else:
        return whole
    match above, below:
        case Number(numerator, None), Number(denominator, None):
            if numerator >= denominator:
                raise Unreadable("an improper fraction beside a whole number")
            return Number(whole.value + numerator / denominator)
    cursor.index = start
    return whole


def _symbol(cursor: Cursor, token: Token) -> Node:
    if token.text in _FUNCTION_NAMES and cursor.peek().kind == "(":
        cursor.index -= 1
        return call(cursor)
    name = token.text
    if cursor.accept("_"):
        name += "_" + _spelling(cursor)
    while cursor.accept("'"):
        name += "'"
    return Symbol(name)


def with_subscript(cursor: Cursor, node: Node) -> Symbol | None:
    """Read the subscript of `{x}_1` and `x'_1`; None if `node` cannot have one, or has one."""
    if not isinstance(node, Symbol) or "_" in node.name:
        return None
    cursor.expect("_")
    letter = node.name.rstrip("'")
    return Symbol(f"{letter}_{_spelling(cursor)}{node.name[len(letter) :]}")


def base_in_words(cursor: Cursor, subscript: bool = False) -> Node | None:
    """Take a base such as `base 8` or `in base eight`, in a subscript also `eight`; else None."""
    match = _BASE.fullmatch(cursor.peek().text) if cursor.peek().kind == "text" else None
    if match is None or not (match[1] or subscript):
        return None
    if match[2]:
        cursor.take()
        return Number(fmpq(int(match[2]) if match[2].isdigit() else _BASES.index(match[2]) + 2))
    if cursor.peek(1).kind != "number":
        return None
    cursor.take()
    return argument(cursor)


def _spelling(cursor: Cursor) -> str:
    """Read the text of a subscript, in braces or not."""
    if not cursor.accept("begin"):
        return cursor.take().text
    parts = []
    while not cursor.accept("end"):
        parts.append(cursor.take().text)
    return "".join(parts)


def _braces(cursor: Cursor) -> Node:
    outside = cursor.bars, cursor.integrals
    cursor.bars = cursor.integrals = 0
    if cursor.accept("end"):
        node = atom(cursor)
    else:
        node = divided(cursor, cursor.nested(cursor.inside))
        cursor.expect("end")
    cursor.bars, cursor.integrals = outside
    return node


def divided(cursor: Cursor, above: Node) -> Node:
    r"""Divide `above` by the expression after `\over` or `\choose` if either comes next."""
    if token := cursor.accept("choose", "over"):
        below = cursor.nested(cursor.inside)
        return Apply("binom" if token.kind == "choose" else "/", (above, below))
    return above


def _group(cursor: Cursor, opening: str) -> Node:
    outside, cursor.bars = cursor.bars, int(opening == "{")
    if cursor.accept("}"):
        node: Node = Symbol("emptyset")
    else:
        node = cursor.nested(cursor.inside)
        if opening == "{" and not cursor.peek().kind and _is_system(node):
            pass  # the brace before a system of equations is never closed
        elif opening == "{" and cursor.accept("|", ":"):
            node = Group("{|", (node, cursor.enclosed(0, "}")), "}")
        else:
            closing = cursor.expect(*("}" if opening == "{" else ")]"))
            node = _bracketed(opening, node, closing.kind)
    cursor.bars = outside
    return node


def _is_system(node: Node) -> bool:
    return isinstance(node, Series) or (isinstance(node, Group) and node.opening == CASES)


def _bracketed(opening: str, inside: Node, closing: str) -> Node:
    if isinstance(inside, Series) and inside.joined in (",", ";"):
        return Group(opening, inside.items, closing)
    if opening == "{":
        return Group("{", (inside,), "}")
    if closing != _CLOSING[opening]:
        raise Unreadable(f"{opening} is closed by {closing}")
    return inside
