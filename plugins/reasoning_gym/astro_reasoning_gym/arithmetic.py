"""Arithmetic that a model wrote, read as a syntax tree within bounds and never run.

The grammar is Python's, of which only numbers, names, calls, brackets and + - * / ** are let in.
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
"""No constant part of an expression may need more."""

MAX_EXPONENT_BITS = 8

_TRIGONOMETRY = {"sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan"}
FUNCTIONS = frozenset(_TRIGONOMETRY | {"sinh", "cosh", "tanh", "exp", "log", "ln", "sqrt", "Abs"})
_GLUED = re.compile(r"\d(?!e[+-]?\d)[a-z_]", re.IGNORECASE)
"""`2x`, of which Python warns on stderr before it refuses it."""


class Unreadable(ValueError):
    """The text is no expression of this grammar, or exceeds its bounds."""


def parse(text: str, names: Collection[str] = ()) -> ast.expr:
    """The tree of an expression in numbers and `names`, with `FUNCTIONS` where there are names.

    Raises `Unreadable`, and nothing else, on any text. What passes can be handed to a computer
    algebra system: it names nothing else, and no power in it explodes.
    """
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(f"longer than {MAX_CHARACTERS} characters")
    if _GLUED.search(text):
        raise Unreadable("a number runs into a name")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable("not an expression") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise Unreadable(f"more than {MAX_NODES} parts")
    _bits(tree, names)
    return tree


def value(tree: ast.expr) -> Fraction:
    """The exact value of a tree of whole numbers and + - * /. Raises `Unreadable`."""
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
    """The whole numbers in a tree, sorted."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return sorted(node.value for node in nodes if isinstance(node.value, int))


def _bits(tree: ast.expr, names: Collection[str]) -> float:
    """An upper bound on log2 of the value's parts, names counted as 1. Raises `Unreadable`."""
    bits = _unbounded_bits(tree, names)
    if bits > MAX_BITS:
        raise Unreadable("a number in it is too large")
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
                raise Unreadable("an exponent in it is too large")
            return _bits(left, names) * 2**exponent
    raise Unreadable("expected numbers, + - * / ** and known names")


def _bits_of(number: float) -> float:
    if not isfinite(number):
        raise Unreadable("not a finite number")
    return abs(log2(abs(number))) + 1 if number else 1.0
