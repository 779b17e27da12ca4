"""Equality of two expressions: exact if rational, else by balls and a separation bound.

Expressions in variables are compared at random rational points, whose seed depends on both texts. A
nonzero polynomial vanishes at a random point with probability at most its degree over the number of
values to draw from (Schwartz-Zippel lemma). Points at which either has no real value do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from threading import Lock

from flint import acb, arb, ctx, fmpq

from astro_sympy.comparing.branches import points_between_branches
from astro_sympy.comparing.sampling import (
    ANALYTIC_POINTS,
    BRANCHED_POINTS,
    exponent_variables,
    is_branched,
    is_complex,
    is_decided_by_integers,
    points,
    whole_variables,
)
from astro_sympy.values.balls import ball, is_real
from astro_sympy.values.nodes import Apply, Node, variables
from astro_sympy.values.rational import Irrational, Point, rational
from astro_sympy.values.separation import zero_bits
from astro_sympy.values.symbolic import vanishes
from astro_sympy.values.work import TooHard, Undefined, Work

_COST = 8
_FIRST_BITS = 96
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
    agree = _agree(left, right, work, frozenset())
    exponents = exponent_variables(left) | exponent_variables(right)
    if agree is None and exponents and not _has_real_values(left, right, work):
        agree = _agree(left, right, work, exponents)
    if agree is not None:
        return agree and _integers_decide(left, right)
    if _is_proved(left, right, work):
        return True
    raise Undefined("it has no value at the points tried")


def _agree(left: Node, right: Node, work: Work, whole: frozenset[str]) -> bool | None:
    """Whether they are equal at all points tried; None if they have real values at too few.

    If both are analytic where they have values, a few points are enough. Otherwise, all points are
    tried, and those between the places where a branch may begin.
    """
    branched = is_branched(left) or is_branched(right)
    enough = BRANCHED_POINTS if branched else ANALYTIC_POINTS
    tried: list[Iterator[bool]]
    tried = [islice(_agreements(points(left, right, work, whole), left, right, work), enough)]
    if branched:
        between = points_between_branches(left, right, work, whole)
        tried.append(_agreements(between, left, right, work))
    agreed = 0
    for agrees in chain.from_iterable(tried):
        if not agrees:
            return False
        agreed += 1
    return True if agreed >= ANALYTIC_POINTS else None


def _agreements(tried: Iterable[Point], left: Node, right: Node, work: Work) -> Iterator[bool]:
    """Yield whether they are equal at each point where both have a real value.

    If one contains the imaginary unit, they are compared as complex numbers.
    """
    real = not (is_complex(left) or is_complex(right))
    for point in tried:
        try:
            agrees = equal_at(left, right, point, work, real)
        except (Undefined, TooHard):
            work.spend()
        else:
            yield agrees


def _has_real_values(left: Node, right: Node, work: Work) -> bool:
    """Whether one of them has a real value where the variables in exponents are not whole."""
    return any(has_value(side, work, real=True) for side in (left, right))


def _integers_decide(left: Node, right: Node) -> bool:
    """Whether equality at integers, which some variables stand for, proves equality.

    It does if both sides need the variable to be whole, or if both are decided by integers.
    """
    ours, theirs = whole_variables(left), whole_variables(right)
    return all(
        is_decided_by_integers(side, name) for name in ours ^ theirs for side in (left, right)
    )


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


def has_value(node: Node, work: Work, zero: bool = False, real: bool = False) -> bool:
    """Whether it has a finite value at some point; with `zero`, whether the first one may be 0.

    With `real`, only real values count.
    """
    for point in points(node, node, work):
        try:
            with _PRECISION, ctx.workprec(_FIRST_BITS):
                value = ball(node, point, work, real)
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
    return ball(left, point, work, real) - ball(right, point, work, real)


def _minus(left: Node, right: Node) -> Node:
    return Apply("+", (left, Apply("neg", (right,))))
