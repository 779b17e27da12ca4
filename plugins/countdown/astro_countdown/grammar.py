"""Exact evaluation of expressions over integers, without `eval`.

expression := term (("+" | "-") term)*
term       := factor (("*" | "/") factor)*
factor     := number | "(" expression ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

MAX_LENGTH = 500
MAX_DEPTH = 50
MAX_DIGITS = 9

_SPELLINGS = {
    "\\times": "*",
    "\\cdot": "*",
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{MIDDLE DOT}": "*",
    "\\div": "/",
    "\N{DIVISION SIGN}": "/",
    "\N{MINUS SIGN}": "-",
}
_TOKEN = re.compile(r"[0-9]+|[-+*/()]|" + "|".join(map(re.escape, _SPELLINGS)))


class ExpressionError(ValueError):
    """The text is not an expression of this grammar, exceeds its bounds, or divides by zero."""


def evaluate(text: str) -> tuple[Fraction, list[int]]:
    """Return the value of an expression, and the numbers that it uses in order.

    Raises:
        ExpressionError: The text cannot be evaluated. No other exception is raised on any text.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters")
    parser = _Parser(_tokens(text))
    value = parser.expression(0)
    if parser.rest:
        raise ExpressionError(f"unexpected {parser.rest[-1]}")
    return value, parser.used


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match:
            tokens.append(_SPELLINGS.get(match.group(), match.group()))
        elif not text[position].isspace():
            raise ExpressionError(f"unexpected character {text[position]!a}")
        position = match.end() if match else position + 1
    return tokens


class _Parser:
    """A recursive-descent parser; `rest` holds the remaining tokens in reverse order."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens[::-1]
        self.used: list[int] = []

    def expression(self, depth: int) -> Fraction:
        return self._chain("+-", lambda: self._chain("*/", lambda: self._factor(depth)))

    def _chain(self, operators: str, operand: Callable[[], Fraction]) -> Fraction:
        value = operand()
        while self.rest and self.rest[-1] in operators:
            value = calculate(value, self.rest.pop(), operand())
        return value

    def _factor(self, depth: int) -> Fraction:
        token = self.rest.pop() if self.rest else "end"
        if token == "(" and depth < MAX_DEPTH:
            value = self.expression(depth + 1)
            if not self.rest or self.rest.pop() != ")":
                raise ExpressionError("a bracket is not closed")
            return value
        if not token.isdigit() or len(token) > MAX_DIGITS:
            raise ExpressionError(f"expected a number, got {token:.12}")
        self.used.append(int(token))
        return Fraction(self.used[-1])


def calculate(left: Fraction, operator: str, right: Fraction) -> Fraction:
    """Return the exact value of `left operator right`.

    Raises:
        ExpressionError: The operation is a division by zero.
    """
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    if right == 0:
        raise ExpressionError("division by zero")
    return left / right
