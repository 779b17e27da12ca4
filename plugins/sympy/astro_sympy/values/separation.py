r"""Separation bounds: how close to zero an expression can be without being zero.

Write an expression E of rationals, +, -, *, / and roots as U / L with algebraic integers U, L. If
all conjugates of U and of L are at most u and l in size, and D is the product of the degrees of its
roots, then E = 0 or |E| >= 1 / (l u^(D-1)), since the norm of U is an integer: Burnikel, Funke,
Mehlhorn, Schirra, Schmitt, "A separation bound for real algebraic expressions" (2001).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from flint import fmpz

from astro_sympy.values.balls import ball
from astro_sympy.values.nodes import Apply, Measure, Named, Node, Symbol, children
from astro_sympy.values.rational import MAX_DEGREE, Irrational, Point, rational
from astro_sympy.values.work import TooHard, Work

MAX_BITS = 24_000
_MARGIN = 256
_FUNCTION_BITS = 16
_CONSTANT_BITS = 2


_HYPERBOLIC = frozenset({"sinh", "cosh", "tanh", "coth"})
_ARITHMETIC = frozenset({"+", "*", "/", "neg", "abs", "base", "percent"})


class Size(NamedTuple):
    """Bounds on the conjugates of a numerator and a denominator, as base-2 logarithms."""

    above: float
    below: float


def zero_bits(node: Node, point: Point, work: Work) -> int:
    """Return a number of bits such that `node` is zero if its value is below 2^-bits.

    This is proved where the separation bound applies and is small. Where the bound is astronomic,
    or the expression contains pi, a logarithm or a sine, eight times the expression's own size is
    used instead: a wide margin over what Richardson, "The uniformity conjecture" (2001), expects.
    At one of several random points, twice the size is enough.

    Raises:
        TooHard: The number of bits is too large.
    """
    measure = _Measure(point, work)
    size = measure.size(node)
    degree = math.prod(measure.degrees.values())
    bits = (2 if point else 8) * (size.above + size.below) + _MARGIN
    if degree < math.inf:
        bits = min(bits, size.above * (degree - 1) + size.below)
    if not bits <= MAX_BITS:
        raise TooHard("the numbers are too large or too close to tell apart")
    return int(bits) + 1


class _Measure:
    """Computes sizes at a point, and collects the degrees of roots (infinity for functions)."""

    def __init__(self, point: Point, work: Work) -> None:
        self._point = point
        self._work = work
        self.degrees: dict[Node, float] = {}

    def size(self, node: Node) -> Size:
        try:
            fraction = rational(node, self._point, self._work)
            return Size(_bits(fraction.p), _bits(fraction.q))
        except Irrational:
            return self._irrational(node)

    def _irrational(self, node: Node) -> Size:  # noqa: PLR0911 - one return per case
        match node:
            case Symbol("i"):
                self.degrees[node] = 2
                return Size(0, 0)
            case Measure(value, _) | Named(_, value):
                return self.size(value)
            case Apply("^", (base, exponent)):
                return self._power(node, self.size(base), exponent)
            case Apply("root", (base, index)):
                degree = rational(index, self._point, self._work)
                return self._root(node, self.size(base), int(degree.p))
            case Apply(function, arguments) if function in _ARITHMETIC:
                return _arithmetic(function, [self.size(argument) for argument in arguments])
        self.degrees[node] = math.inf
        sizes = [self.size(below) for below in children(node)]
        if not sizes:
            return Size(_CONSTANT_BITS, 0)
        bits = sum(size.above + size.below for size in sizes) + _FUNCTION_BITS
        if isinstance(node, Apply) and node.function in _HYPERBOLIC:
            bits += 4 * _magnitude(node.arguments[0], self._point, self._work)
        return Size(bits, bits)

    def _root(self, node: Node, size: Size, index: int) -> Size:
        self.degrees[node] = index
        above, below = size
        if above >= below:
            return Size((above + (index - 1) * below) / index, below)
        return Size(above, ((index - 1) * above + below) / index)

    def _power(self, node: Node, base: Size, exponent: Node) -> Size:
        try:
            power = rational(exponent, self._point, self._work)
        except Irrational:
            self.degrees[node] = math.inf
            magnitude = _magnitude(exponent, self._point, self._work)
            return Size(magnitude * (base.above + base.below), _FUNCTION_BITS)
        if power.q > MAX_DEGREE:
            self.degrees[node] = math.inf
            times = abs(int(power.p)) / int(power.q)
            return Size(times * (base.above + base.below), times * (base.above + base.below))
        if power.q != 1:
            base = self._root(node, base, int(power.q))
        times = float(abs(int(power.p))) if power.p.bit_length() < 64 else math.inf
        above, below = base.above * times, base.below * times
        return Size(above, below) if power > 0 else Size(below, above)


def _magnitude(node: Node, point: Point, work: Work) -> float:
    return float(ball(node, point, work).abs_upper())


def _bits(integer: fmpz) -> float:
    """Return a bound on the base-2 logarithm of a positive integer; 0 for 1."""
    return float((abs(integer) - 1).bit_length()) if integer else 0.0


def _arithmetic(function: str, sizes: Sequence[Size]) -> Size:
    match function, sizes:
        case "+", _:
            below = sum(size.below for size in sizes)
            above = max(size.above - size.below for size in sizes) + below + math.log2(len(sizes))
            return Size(max(above, 0), below)
        case "*", _:
            return Size(sum(size.above for size in sizes), sum(size.below for size in sizes))
        case "/", (above, below):
            return Size(above.above + below.below, above.below + below.above)
        case "percent", (size,):
            return Size(size.above, size.below + math.log2(100))
    return sizes[0]
