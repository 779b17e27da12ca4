"""Points at which expressions are compared, and what agreement at whole numbers proves.

The denominators are random primes, so that no expression can be written that vanishes at all
points, as sin(5000! pi x) does at fractions with small denominators. Variables are real and of both
signs. Only those that have to be whole, such as the n of n!, are whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from random import Random

from flint import fmpq, fmpz

from astro_sympy.values.nodes import BINDERS, Apply, Node, Symbol, children, variables, walk
from astro_sympy.values.rational import Irrational, Point, rational
from astro_sympy.values.work import TooHard, Undefined, Work

TRIES = 24
ANALYTIC_POINTS = 4
"""Points that decide whether an analytic difference vanishes."""

BRANCHED_POINTS = 16
"""Points at which a difference with branches is compared, before those between the branches."""

_SCALES = (4, 1, 50, 10_000, 200)
_EXPONENT_SCALES = (4, 1, 12, 100, 12)
_SIGN_CODES = (1, 2, 4, 8, 7, 11, 13, 14)
"""With the parity of `code & i` as the sign at point i, 8 points have all signs of any two."""

_PERIODIC = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "floor", "ceil"})
_KINKED = frozenset({"abs", "floor", "ceil", "max", "min"})
_BRANCHED = _KINKED | {"root", "ln", "log", "arcsin", "arccos", "arctan", "arccot"}
_WHOLE = frozenset({"!", "binom", "gcd", "lcm"})
_UNDECIDED_BY_INTEGERS = _PERIODIC | {"abs", "max", "min", "gcd", "lcm"}


def points(
    left: Node, right: Node, work: Work, whole: frozenset[str] = frozenset()
) -> Iterator[Point]:
    """Yield points of several scales and signs, so that some lie in most domains.

    The variables in `whole`, and those that either expression needs to be whole, get integers.
    """
    random = Random(work.seed)
    names = sorted(variables(left) | variables(right))
    positive = whole_variables(left) | whole_variables(right)
    exponents = exponent_variables(left) | exponent_variables(right)
    periodic = any(map(_is_periodic, (left, right)))
    for attempt in range(TRIES):
        point = {}
        for j, name in enumerate(names):
            code = _SIGN_CODES[j % len(_SIGN_CODES)] & (attempt // 2 + 1)
            sign = 1 if attempt % 2 == 0 or name in positive else (-1) ** code.bit_count()
            if name in whole | positive:
                size = attempt // 2 + j + 1 if attempt % 2 else random.randint(2, 12 + 3 * attempt)
                point[name] = fmpq(sign * size)
            else:
                scales = _EXPONENT_SCALES if name in exponents else _SCALES
                scale = scales[(attempt + 2 * j) % len(scales)]
                point[name] = sign * _fraction(random, scale, periodic)
        yield point


def whole_variables(node: Node) -> frozenset[str]:
    """Return the variables that have to be whole: in factorials, binomials and bounds of sums."""
    found: frozenset[str] = frozenset()
    for below in walk(node):
        match below:
            case Apply("sum" | "prod", (_, low, high, _)):
                found |= variables(low) | variables(high)
            case Apply(function) if function in _WHOLE:
                found |= variables(below)
    return found & variables(node)


def exponent_variables(node: Node) -> frozenset[str]:
    """Return the variables in exponents, which are whole where a base such as -1 needs it."""
    found: frozenset[str] = frozenset()
    for below in walk(node):
        match below:
            case Apply("^", (_, exponent)):
                found |= variables(exponent)
    return found & variables(node)


def is_branched(node: Node) -> bool:
    """Whether it contains a function of variables that is not analytic, as |x| and the root."""
    for below in walk(node):
        match below:
            case Apply(function, arguments) if function in _BRANCHED:
                if any(map(variables, arguments)):
                    return True
            case Apply("^", (base, exponent)) if variables(base) and not _is_whole(exponent):
                if not isinstance(base, Symbol) or not variables(exponent):
                    return True
    return False


def has_kinks(node: Node) -> bool:
    """Whether it contains an absolute value, maximum, minimum or floor."""
    return any(isinstance(below, Apply) and below.function in _KINKED for below in walk(node))


def is_decided_by_integers(node: Node, name: str) -> bool:
    """Whether equality at the integers of a variable implies equality at all real numbers.

    By Carlson's theorem this holds for sums and products of powers, exponentials and factorials.
    It fails for floors, sines, absolute values, and powers of -1.
    """
    if is_complex(node):
        return False
    for below in walk(node):
        match below:
            case Apply("^", (base, exponent)) if name in variables(exponent):
                if not variables(base) and not _is_positive(base):
                    return False
            case Apply(function) if function in _UNDECIDED_BY_INTEGERS and name in variables(below):
                return False
    return True


def is_complex(node: Node) -> bool:
    """Whether it contains the imaginary unit; an i that is the index of a sum does not count."""
    match node:
        case Symbol(name):
            return name == "i"
        case Apply(function, (Symbol("i"), *bounds, _)) if function in BINDERS:
            return any(map(is_complex, bounds))
    return any(map(is_complex, children(node)))


def _fraction(random: Random, scale: int, periodic: bool) -> fmpq:
    below = _large_prime(random) if periodic else random.choice(_primes())
    return fmpq(random.randint(1, scale * below), below)


@cache
def _primes() -> tuple[int, ...]:
    return tuple(n for n in range(4097, 8192, 2) if fmpz(n).is_probable_prime())


def _large_prime(random: Random) -> int:
    number = random.getrandbits(32) | (1 << 31) | 1
    while not fmpz(number).is_probable_prime():
        number += 2
    return number


def _is_periodic(node: Node) -> bool:
    return any(isinstance(below, Apply) and below.function in _PERIODIC for below in walk(node))


def _is_whole(exponent: Node) -> bool:
    with suppress(Irrational, Undefined, TooHard):
        return bool(rational(exponent, {}, Work(0, 1000)).q == 1)
    return False


def _is_positive(base: Node) -> bool:
    if base == Symbol("e") or base == Symbol("pi"):
        return True
    with suppress(Irrational, Undefined, TooHard):
        return bool(rational(base, {}, Work(0, 1000)) > 0)
    return isinstance(base, Apply) and base.function == "root"
