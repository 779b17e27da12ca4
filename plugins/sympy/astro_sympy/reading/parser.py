"""Grammar of answers: tokens to a tree, by recursive descent of bounded depth.

answer  := list (";" list)*          list  := clause (("," | "and" | "or") clause)*
clause  := [words ":"] union (relation union)* [words]
union   := ratio (("cup" | "cap" | "setminus") ratio)*          ratio := sum (":" sum)*

The grammar of sums is in `expressions`.
"""

from __future__ import annotations

from itertools import takewhile

from astro_sympy.reading.atoms import argument, call, divided
from astro_sympy.reading.cursor import Cursor
from astro_sympy.reading.expressions import sum_of_products
from astro_sympy.reading.functions import function
from astro_sympy.reading.lexer import Unreadable, tokens
from astro_sympy.reading.phrases import is_condition, is_filler
from astro_sympy.values.nodes import Apply, Group, Named, Node, Relation, Series, Symbol

_RELATIONS = frozenset({"=", "!=", "<", "<=", ">", ">=", "in", "approx", "equiv"})
_ENDS = ("", ";", "end")


def parse(text: str) -> Node:
    """Parse ASCII LaTeX (see `unicode.to_latex`).

    Raises:
        Unreadable: The text is not in the grammar, or exceeds its bounds.
    """
    cursor = Cursor(tokens(text), _answer, function)
    node = divided(cursor, _answer(cursor))
    if cursor.peek().kind:
        raise Unreadable(f"unexpected {cursor.peek().text!a:.20}")
    return node


def _answer(cursor: Cursor) -> Node:
    lists = [_list(cursor)]
    while cursor.accept(";") and cursor.peek().kind not in ("", "end"):
        lists.append(_list(cursor))
    return lists[0] if len(lists) == 1 else Series(tuple(lists), ";")


def _list(cursor: Cursor) -> Node:
    items, joined = [_clause(cursor)], ","
    while token := cursor.accept(",", "and", "or"):
        while token:
            joined = token.kind if joined != "or" and token.kind != "," else joined
            token = cursor.accept("and", "or")
        if cursor.peek().kind in ("", "end", ";"):  # a trailing comma
            break
        items.append(_clause(cursor))
    return items[0] if len(items) == 1 else Series(tuple(items), joined)


def _clause(cursor: Cursor) -> Node:
    name = _leading_words(cursor)
    node = _relation(cursor)
    if cursor.accept("mod"):
        node = Apply("mod", (node, argument(cursor)))
    if token := cursor.accept("text"):
        _trailing_words(cursor, token.text)
    return Named(name, node) if name else node


def _leading_words(cursor: Cursor) -> str:
    """Take the words before a value; return them if `:` or `=` makes them its name."""
    words = []
    while token := cursor.accept("text"):
        words.append(token.text)
    text = " ".join(words)
    labeled = bool(text) and (cursor.accept(":", "=") is not None or text.endswith((":", "=")))
    if text and not labeled and not is_filler(text):
        raise Unreadable(f"unexpected words {text!a:.20}")
    return text.rstrip(":= ") if labeled else ""


def _trailing_words(cursor: Cursor, text: str) -> None:
    """Skip words after a value.

    A restriction such as `for all x > 0, y > 0` ends before `and`, `or`, `;` or the next item.
    """
    if is_condition(text):
        while cursor.peek().kind not in (*_ENDS, "and", "or"):
            if cursor.peek().kind == "," and not _is_restriction(cursor):
                return
            cursor.take()
    elif not is_filler(text):
        raise Unreadable(f"unexpected words {text!a:.20}")
    elif cursor.accept("^"):  # units^2
        argument(cursor)


def _is_restriction(cursor: Cursor) -> bool:
    """Whether there is a relation, and no words, between this comma and the next or the end."""
    following = cursor.stream[cursor.index + 1 :]
    part = [token.kind for token in takewhile(lambda token: token.kind not in _ENDS, following)]
    if "," in part:
        part = part[: part.index(",")]
    return not _RELATIONS.isdisjoint(part) and "text" not in part


def _relation(cursor: Cursor) -> Node:
    while cursor.accept("="):
        pass
    # `\neq 7` is a condition on a variable that it does not name.
    operands = [Symbol("?") if _at_relation(cursor) else _subject(cursor)]
    operators = []
    while _at_relation(cursor):
        operators.append(_operator(cursor))
        operands.append(_union(cursor))
    return Relation(tuple(operators), tuple(operands)) if operators else operands[0]


def _at_relation(cursor: Cursor) -> bool:
    kind = cursor.peek().kind
    return kind in _RELATIONS or (kind == "not" and cursor.peek(1).kind in ("=", "in"))


def _operator(cursor: Cursor) -> str:
    if cursor.accept("not"):
        return "!=" if cursor.take().kind == "=" else "notin"
    return cursor.take().kind


def _subject(cursor: Cursor) -> Node:
    """Read the left side of a relation, which may be `P(x)` where the letter names a function."""
    start = cursor.index
    if cursor.kinds(2) == ("name", "("):
        symbol = call(cursor)
        if cursor.peek().kind == "=":
            return symbol
        cursor.index = start
    return _union(cursor)


def _union(cursor: Cursor) -> Node:
    node = _ratio(cursor)
    while token := cursor.accept("cup", "cap", "setminus"):
        node = Apply(token.kind, (node, _ratio(cursor)))
    return node


def _ratio(cursor: Cursor) -> Node:
    if cursor.bars and cursor.peek(1).kind == ":":  # {x : x > 0}
        return sum_of_products(cursor)
    parts = [sum_of_products(cursor)]
    while cursor.accept(":"):
        parts.append(sum_of_products(cursor))
    if len(parts) == 1:
        return parts[0]
    return Apply("/", tuple(parts)) if len(parts) == 2 else Group(":", tuple(parts), ":")
