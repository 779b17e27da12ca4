"""Safe parsing of arithmetic that a model wrote: a bounded syntax tree, which is never executed.

The grammar is a subset of Python's: numbers, names, calls, brackets and + - * / **.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from fractions import Fraction
from math import isfinite, log2

MAX_CHARACTERS = 500
MAX_NODES = 300
MAX_BITS = 2_048
"""Largest size of a constant part of an expression, in bits."""

MAX_EXPONENT_BITS = 8

_TRIGONOMETRY = {"sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan"}
FUNCTIONS = frozenset(_TRIGONOMETRY | {"sinh", "cosh", "tanh", "exp", "log", "ln", "sqrt", "Abs"})
_GLUED = re.compile(r"\d(?!e[+-]?\d)[a-z_]", re.IGNORECASE)
"""Matches `2x`, which Python rejects, but only after a warning on stderr."""


class Unreadable(ValueError):
    """The text is not an expression of this grammar, or exceeds its bounds."""


def parse(text: str, names: Collection[str] = ()) -> ast.expr:
    """Parse an expression in numbers and `names`; with names, `FUNCTIONS` are allowed as well.

    The result is safe to pass to a computer algebra system: it contains no other names, and none of
    its powers is too large.

    Raises:
        Unreadable: The text cannot be parsed. No other exception is raised on any text.
    """
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(f"longer than {MAX_CHARACTERS} characters")
    if _GLUED.search(text):
        raise Unreadable("a number is directly followed by a name")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable("not an expression") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise Unreadable(f"more than {MAX_NODES} parts")
    _bits(tree, names)
    return tree


def value(tree: ast.expr) -> Fraction:
    """Return the exact value of a tree of integers and + - * /.

    Raises:
        Unreadable: The tree contains anything else, or divides by zero.
    """
    match tree:
        case ast.Constant(value=int(number)):
            return Fraction(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -value(operand)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return value(left) + value(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return value(left) - value(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return value(left) * value(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            divisor = value(right)
            if divisor:
                return value(left) / divisor
    raise Unreadable("expected whole numbers and + - * /, and no division by zero")


def numbers(tree: ast.expr) -> list[int]:
    """Return the integers in a tree, sorted."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return sorted(node.value for node in nodes if isinstance(node.value, int))


def _bits(tree: ast.expr, names: Collection[str]) -> float:
    """Return an upper bound on the size of a value in bits; a name counts 1.

    Raises:
        Unreadable: The size exceeds `MAX_BITS`.
    """
    bits = _unbounded_bits(tree, names)
    if bits > MAX_BITS:
        raise Unreadable("a number in the expression is too large")
    return bits


def _unbounded_bits(tree: ast.expr, names: Collection[str]) -> float:
    match tree:
        case ast.Constant(value=int() | float() as number) if number is not True:
            return _bits_of(number)
        case ast.Name(id=name) if name in names:
            return 1.0
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            return _bits(operand, names)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if (
            names and name in FUNCTIONS
        ):
            return _bits(argument, names)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right=right):
            return _bits(left, names) + _bits(right, names) + 1
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            exponent = _bits(right, names)
            if exponent > MAX_EXPONENT_BITS:
                raise Unreadable("an exponent in the expression is too large")
            return _bits(left, names) * 2**exponent
    raise Unreadable("expected numbers, + - * / ** and known names")


def _bits_of(number: float) -> float:
    if not isfinite(number):
        raise Unreadable("not a finite number")
    return abs(log2(abs(number))) + 1 if number else 1.0
