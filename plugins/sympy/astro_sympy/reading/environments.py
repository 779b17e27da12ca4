"""Grammar of LaTeX environments: matrices, systems of equations and case distinctions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from astro_sympy.reading.cursor import Cursor
from astro_sympy.reading.lexer import Token, Unreadable
from astro_sympy.values.nodes import Group, Matrix, Named, Node, Relation, Series, Symbol

CASES = "cases"
"""Opening of a group of cases. Each is a group of a value and a condition; `otherwise` has none."""

_ALIGNED = frozenset({"aligned", "align", "gathered", "gather", "split", "eqnarray"})
_DISTINCTIONS = _ALIGNED | {"cases", "dcases", "rcases", "array", "matrix"}
_MATRICES = frozenset({"pmatrix", "bmatrix", "smallmatrix", "Bmatrix"})
_RELATIONS = frozenset({"=", "!=", "<", "<=", ">", ">=", "in", "not", "approx"})
_IF = re.compile(r"[\s,]*(?:if|for|when|where|whenever|provided(?: that)?|as long as)[\s,]*", re.I)
_ELSE = re.compile(
    r"[\s,]*(?:if |in )?(?:otherwise|else|elsewhere|(?:all )?other(?: cases| values)?)[\s,.]*", re.I
)

Tokens = Sequence[Token]


def environment(cursor: Cursor, name: str) -> Node:
    r"""Read an environment up to its `\end`; its `\begin` has been taken.

    Raises:
        Unreadable: The environment is unknown, or its rows do not fit together.
    """
    if name not in _MATRICES | _DISTINCTIONS:
        raise Unreadable(f"unknown environment {name:.20}")
    rows = [_split(row, "&") for row in _split(_body(cursor), "\\\\")]
    rows = [[cell for cell in _joined(row, name) if cell] for row in rows]
    rows = _continued([row for row in rows if row])
    if not rows:
        raise Unreadable("an environment without contents")
    if name in _DISTINCTIONS and (cases := _cases(cursor, rows)):
        return cases
    read = [[_read(cursor, cell) for cell in row] for row in rows]
    if all(len(row) == 1 and isinstance(row[0], Relation) for row in read):  # a system
        return Series(tuple(row[0] for row in read)) if len(read) > 1 else read[0][0]
    if name in _ALIGNED and len(read) == 1:
        return read[0][0]
    if name in _ALIGNED or name == "cases" or len({len(row) for row in read}) > 1:
        raise Unreadable("rows that do not fit together")
    return Matrix(tuple(map(tuple, read)))


def _body(cursor: Cursor) -> list[Token]:
    start, depth = cursor.index, 1
    while depth:
        kind = cursor.take().kind
        depth += (kind == "\\begin") - (kind == "\\end")
    return cursor.stream[start : cursor.index - 1]


def _split(tokens: Tokens, separator: str) -> list[list[Token]]:
    """Split at a separator, except within environments."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.kind == "\\begin") - (token.kind == "\\end")
        if token.kind == separator and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _joined(row: list[list[Token]], name: str) -> list[list[Token]]:
    """Join the cells that `&` only aligns, as in `x &= 1`."""
    joined = row[:1]
    for cell in row[1:]:
        if name in _ALIGNED or _is_equals(cell[:1]) or _is_equals(joined[-1][-1:]):
            joined[-1] = joined[-1] + cell
        else:
            joined.append(cell)
    return joined


def _is_equals(tokens: Tokens) -> bool:
    return bool(tokens) and tokens[0].kind == "="


def _continued(rows: list[list[list[Token]]]) -> list[list[list[Token]]]:
    """Append a row such as `= 5` to the one that it continues."""
    chains: list[list[list[Token]]] = []
    for row in rows:
        if chains and len(row) == len(chains[-1]) == 1 and _is_equals(row[0]):
            chains[-1] = [chains[-1][0] + row[0]]
        else:
            chains.append(row)
    return chains


def _cases(cursor: Cursor, rows: list[list[list[Token]]]) -> Group | None:
    """Return a case distinction; None if some row is not a value with a condition."""
    parts = [_value_and_condition(row) for row in rows]
    if not parts or any(part is None for part in parts):
        return None
    return Group(CASES, tuple(_case(cursor, *part) for part in parts if part), "")


def _value_and_condition(row: list[list[Token]]) -> tuple[Tokens, Tokens] | None:
    if len(row) == 1:  # without `&`, a word or a comma divides them
        (cell,) = row
        divides = (i for i, token in enumerate(cell) if i and _begins_condition(token))
        start = next(divides, 0) or _comma(cell)
        row = [cell[:start], cell[start:]] if start else row
    if len(row) != 2 or _is_related(row[0]):
        return None
    value, condition = row
    words = any(token.kind == "text" for token in condition)
    return (value, condition) if words or _is_related(condition) else None


def _comma(cell: Tokens) -> int:
    """Return the position after the first comma outside brackets; 0 if there is none."""
    depth = 0
    for i, token in enumerate(cell):
        depth += (token.kind in ("(", "[", "{", "begin")) - (token.kind in (")", "]", "}", "end"))
        if token.kind == "," and not depth:
            return i + 1
    return 0


def _begins_condition(token: Token) -> bool:
    return token.kind == "text" and bool(_IF.fullmatch(token.text) or _ELSE.fullmatch(token.text))


def _is_related(tokens: Tokens) -> bool:
    return any(token.kind in _RELATIONS for token in tokens)


def _case(cursor: Cursor, value: Tokens, condition: Tokens) -> Group:
    result = _read(cursor, value)
    if condition[0].kind == "text" and _IF.fullmatch(condition[0].text):
        condition = condition[1:]
    words = [token.text for token in condition if token.kind == "text"]
    if len(words) == len(condition) == 1 and _ELSE.fullmatch(words[0]):
        return Group("case", (result,), "")
    if words:  # such as `n is even`
        spelled = " ".join(token.text.strip(" ,.") for token in condition).lower()
        return Group("case", (result, Named(spelled, Symbol("emptyset"))), "")
    return Group("case", (result, _read(cursor, condition)), "")


def _read(cursor: Cursor, tokens: Tokens) -> Node:
    part = cursor.part(tokens)
    node = part.nested(part.inside)
    if part.peek().kind:
        raise Unreadable(f"unexpected {part.peek().text!a:.20}")
    return node
