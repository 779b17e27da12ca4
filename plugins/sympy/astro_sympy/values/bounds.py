"""Bounds on the length, numbers and growth of expressions that are passed to sympy."""

from __future__ import annotations

from flint import fmpq

from astro_sympy.values.nodes import Apply, Node, Number, children, walk
from astro_sympy.values.rational import rational
from astro_sympy.values.work import TooHard, Undefined, Work

MAX_NODES = 120
MAX_DEGREE = 100
MAX_BITS = 256

_GROWING = frozenset({"!", "sinh", "cosh", "tanh", "coth"})
_PERIODIC = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})


def check_size(node: Node) -> None:
    """Check that sympy can represent the expression within reasonable memory.

    Raises:
        TooHard: The expression is too long, has too high a degree or too long numbers, or grows
            faster than an exponential.
    """
    below = list(walk(node))
    if len(below) > MAX_NODES:
        raise TooHard("too long for sympy")
    if any(isinstance(each, Number) and _bits(each) > MAX_BITS for each in below):
        raise TooHard("numbers too long for sympy")
    if degree(node) > MAX_DEGREE or growth(node) > 1:
        raise TooHard("grows too fast for sympy")


def degree(node: Node) -> int:
    """Return a bound on the degree as a polynomial, with roots as new variables; at least 1."""
    match node:
        case Apply("^" | "root", (base, exponent)) if (power := _constant(exponent)) is not None:
            return degree(base) * max(abs(int(power.p)), int(power.q))
        case Apply("*" | "/", arguments):
            return sum(map(degree, arguments))
    return max(map(degree, children(node)), default=1)


def growth(node: Node) -> int:
    """Return how many exponentials and factorials are nested: 2 for e^(e^x) and for cos(e^x)."""
    match node:
        case Apply("^", (base, exponent)) if _constant(exponent) is None:
            return max(growth(base), growth(exponent) + 1)
        case Apply(function, (argument,)) if function in _GROWING:
            return growth(argument) + 1
        case Apply(function, (argument,)) if function in _PERIODIC:
            return 2 * growth(argument)
    return max(map(growth, children(node)), default=0)


def _constant(exponent: Node) -> fmpq | None:
    try:
        return rational(exponent, {}, Work(0, 1000))
    except (TooHard, Undefined):
        return None


def _bits(number: Number) -> int:
    return max(int(number.value.p.bit_length()), int(number.value.q.bit_length()))
