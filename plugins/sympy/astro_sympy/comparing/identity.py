"""Equality of two expressions: exact if rational, else by balls and a separation bound.

Expressions in variables are compared at random rational points, whose seed depends on both texts. A
nonzero polynomial vanishes at a random point with probability at most its degree over the number of
values to draw from (Schwartz-Zippel lemma). Points at which either has no real value do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from random import Random
from threading import Lock

from flint import acb, arb, ctx, fmpq

from astro_sympy.values.balls import ball, is_real
from astro_sympy.values.nodes import Apply, Node, Symbol, variables, walk
from astro_sympy.values.rational import Irrational, Point, rational
from astro_sympy.values.separation import zero_bits
from astro_sympy.values.symbolic import vanishes
from astro_sympy.values.work import TooHard, Undefined, Work

_COST = 8
_POINTS = 4
_TRIES = 24
_FIRST_BITS = 96
_SIGNS = ((1, 1), (-1, -1), (1, -1), (-1, 1))
_SCALES = (50, 1, 10_000)
_DENOMINATOR_BITS = 12
_PRECISION = Lock()  # the precision of flint is global to the process, not to a thread


def identical(left: Node, right: Node, work: Work) -> bool:
    """Whether two expressions are equal for all values of their variables.

    Raises:
        Undefined: One of them has no value, or none at the points tried.
        TooHard: The question cannot be decided within the bounds.
    """
    if not variables(left) and not variables(right):
        return _equal_constants(left, right, work)
    work.spend(_COST)
    strange = _is_complex(left) or _is_complex(right)
    agreed = 0
    for point in points(left, right, work):
        try:
            if not equal_at(left, right, point, work, real=not strange):
                return False
        except (Undefined, TooHard):
            work.spend()
            continue
        agreed += 1
        if agreed == _POINTS:
            return True
    if _is_proved(left, right, work):
        return True
    raise Undefined("it has no value at the points tried")


def _equal_constants(left: Node, right: Node, work: Work) -> bool:
    try:
        return equal_at(left, right, {}, work)
    except TooHard:
        if _is_proved(left, right, work):
            return True
        raise


def _is_proved(left: Node, right: Node, work: Work) -> bool:
    """Whether sympy proves them equal, and they have a value, maybe complex, at some point."""
    difference = _minus(left, right)
    return has_value(difference, work, zero=True) and vanishes(difference, work.allowance)


def has_value(node: Node, work: Work, zero: bool = False) -> bool:
    """Whether it has a finite value at the first point with any; with `zero`, one that may be 0."""
    for point in points(node, node, work):
        try:
            with _PRECISION, ctx.workprec(_FIRST_BITS):
                value = ball(node, point, work)
        except (Undefined, TooHard):
            work.spend()
            continue
        return not zero or value.contains(0)
    return False


def evaluate(node: Node, work: Work) -> fmpq | arb:
    """Evaluate a real constant: to a fraction if it is rational, else to a ball.

    Raises:
        Undefined: The constant has no value, or is not real.
        TooHard: The value cannot be computed within the bounds.
    """
    try:
        return rational(node, {}, work)
    except Irrational:
        with _PRECISION, ctx.workprec(_FIRST_BITS):
            value = ball(node, {}, work)
    if not is_real(value):
        raise Undefined("the value is not real")
    return value.real


def equal_at(left: Node, right: Node, point: Point, work: Work, real: bool = False) -> bool:
    """Whether two expressions are equal at a point.

    Raises:
        Undefined: One of them has no value there; with `real`, also if the value is not real.
        TooHard: The question cannot be decided within the bounds.
    """
    try:
        return rational(left, point, work) == rational(right, point, work)
    except Irrational:
        with _PRECISION:
            return _equal_balls(left, right, point, work, real)


def _equal_balls(left: Node, right: Node, point: Point, work: Work, real: bool) -> bool:
    with ctx.workprec(_FIRST_BITS):
        difference = _difference(left, right, point, work, real)
        if not difference.contains(0):
            return False
    bits = zero_bits(_minus(left, right), point, work)
    precision = bits + _FIRST_BITS
    for _ in range(3):
        with ctx.workprec(precision):
            difference = _difference(left, right, point, work, real)
            if not difference.contains(0):
                return False
            if difference.abs_upper() < arb(2) ** -bits:
                return True
        precision *= 2
    raise TooHard("the computation loses too much precision")


def _difference(left: Node, right: Node, point: Point, work: Work, real: bool) -> acb:
    values = ball(left, point, work), ball(right, point, work)
    if real and not all(map(is_real, values)):
        raise Undefined("the value is not real")
    return values[0] - values[1]


def _minus(left: Node, right: Node) -> Node:
    return Apply("+", (left, Apply("neg", (right,))))


def _is_complex(node: Node) -> bool:
    return any(below == Symbol("i") for below in walk(node))


def points(left: Node, right: Node, work: Work) -> Iterator[Point]:
    """Yield points of three scales, so that some lie in most domains.

    Variables in exponents get whole numbers. Signs vary between points, but if there is a root or
    logarithm of a variable, only the later points have negative values.
    """
    random = Random(work.seed)
    names = sorted(variables(left) | variables(right))
    wholes = _whole_variables(left) | _whole_variables(right)
    positive = _TRIES // 2 if _has_branches(left) or _has_branches(right) else 0
    for attempt in range(_TRIES):
        signs = _SIGNS[attempt % len(_SIGNS)] if attempt >= positive else (1, 1)
        point = {}
        for name, sign in zip(names, cycle(signs), strict=False):
            if name in wholes:
                point[name] = fmpq(random.randint(2, 12 + 3 * attempt))
            else:
                scale = _SCALES[attempt % len(_SCALES)] << _DENOMINATOR_BITS
                below = random.randint(1 << _DENOMINATOR_BITS, (1 << _DENOMINATOR_BITS) + 999)
                point[name] = fmpq(sign * random.randint(1, scale), below)
        yield point


def _whole_variables(node: Node) -> frozenset[str]:
    """Return the variables in exponents, factorials and the like, which stand for integers."""
    found: frozenset[str] = frozenset()
    for below in walk(node):
        match below:
            case Apply("^", (_, exponent)):
                found |= variables(exponent)
            case Apply("!" | "binom" | "floor" | "ceil" | "gcd" | "lcm" | "sum" | "prod"):
                found |= variables(below)
    return found


def _has_branches(node: Node) -> bool:
    """Whether it contains a root or logarithm of a variable, which is then taken as positive."""
    for below in walk(node):
        match below:
            case Apply("root" | "ln" | "log", arguments) if any(map(variables, arguments)):
                return True
            case Apply("^", (base, exponent)) if variables(base) and not _is_whole(exponent):
                return True
            case Apply("abs"):
                return False
    return False


def _is_whole(exponent: Node) -> bool:
    try:
        return bool(rational(exponent, {}, Work(0, 1000)).q == 1)
    except (Irrational, Undefined, TooHard):
        return False
