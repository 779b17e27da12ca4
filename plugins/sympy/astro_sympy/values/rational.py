"""Exact values of expressions in which every step is rational."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flint import fmpq, fmpz

from astro_sympy.values.nodes import Apply, Measure, Named, Node, Number, Symbol, variables
from astro_sympy.values.work import TooHard, Undefined, Work

MAX_BITS = 200_000
MAX_FACTORIAL = 10_000
MAX_TERMS = 1_000
MAX_DEGREE = 1_000

Point = Mapping[str, fmpq]


class Irrational(TooHard):
    """A step leaves the rationals or this module's bounds; `balls` may still find a value."""


def rational(node: Node, point: Point, work: Work) -> fmpq:  # noqa: PLR0911 - one return per case
    """Evaluate an expression at a point.

    Raises:
        Irrational: A step is not rational, or its value is too long.
        Undefined: There is no value at the point, as in a division by zero.
        TooHard: The work is used up.
    """
    work.spend()
    match node:
        case Number(value):
            return value
        case Symbol(name):
            if name not in point:
                raise Irrational(name)
            return point[name]
        case Apply("sum" | "prod"):
            return _series(node, point, work)
        case Apply("^", (base, exponent)):
            return _power(rational(base, point, work), rational(exponent, point, work))
        case Apply("root", (Number(value), Number(index))):
            return _root(value, index)
        case Apply(function, arguments) if (operation := _OPERATIONS.get(function)) is not None:
            values = [rational(argument, point, work) for argument in arguments]
            return _priced(_bounded(operation(*values)), work)
        case Measure(value, _) | Named(_, value):
            return rational(value, point, work)
    raise Irrational(type(node).__name__)


def bits(value: fmpq) -> int:
    """Return the length of numerator and denominator together, in bits."""
    return int(value.p.bit_length()) + int(value.q.bit_length())


def whole(value: fmpq) -> int:
    """Return a fraction as an integer.

    Raises:
        Irrational: The fraction is not an integer of absolute value below 2^31.
    """
    if value.q != 1 or abs(value.p) >= 1 << 31:
        raise Irrational("not a small integer")
    return int(value.p)


def _priced(value: fmpq, work: Work) -> fmpq:
    """Charge a long fraction for the greatest common divisor that reduces it."""
    work.spend(bits(value) ** 2 >> 24)
    return value


def _bounded(value: fmpq) -> fmpq:
    if bits(value) > MAX_BITS:
        raise Irrational("too long")
    return value


def _sum(*terms: fmpq) -> fmpq:
    return sum(terms[1:], terms[0])


def _product(*factors: fmpq) -> fmpq:
    product = factors[0]
    for factor in factors[1:]:
        product = _bounded(product * factor)
    return product


def _quotient(above: fmpq, below: fmpq) -> fmpq:
    if below == 0:
        raise Undefined("division by zero")
    return above / below


def _power(base: fmpq, exponent: fmpq) -> fmpq:
    if base == 0 and exponent <= 0:
        raise Undefined("zero to a power that is not positive")
    if exponent.q != 1:
        return _power(_root(base, fmpq(exponent.q)), fmpq(exponent.p))
    if base in (0, 1):
        return base
    if base == -1:
        return base if exponent.p % 2 else -base
    power = whole(exponent)
    if bits(base) * abs(power) > 2 * MAX_BITS:
        raise Irrational("too long")
    return _bounded(base**power)


def _root(value: fmpq, index: fmpq) -> fmpq:
    """Return the real root if it is rational; an odd root of a negative number is negative."""
    degree = whole(index)
    if not 2 <= degree <= MAX_DEGREE or (value < 0 and degree % 2 == 0):
        raise Irrational("no rational root")
    sign = -1 if value < 0 else 1
    above, below = abs(value.p).root(degree), value.q.root(degree)
    if above**degree != abs(value.p) or below**degree != value.q:
        raise Irrational("no rational root")
    return fmpq(sign * above, below)


def _factorial(value: fmpq) -> fmpq:
    number = whole(value)
    if number < 0:
        raise Undefined("factorial of a negative number")
    if number > MAX_FACTORIAL:
        raise Irrational("too long")
    return fmpq(fmpz.fac_ui(fmpz(number)))


def _binomial(above: fmpq, below: fmpq) -> fmpq:
    n, k = whole(above), whole(below)
    if n < 0 or k < 0:
        raise Undefined("binomial of a negative number")
    if n > MAX_FACTORIAL:
        raise Irrational("too long")
    return fmpq(fmpz.bin_uiui(n, k))


def _gcd(*values: fmpq) -> fmpq:
    divisor = fmpz(0)
    for value in values:
        divisor = divisor.gcd(whole(value))
    return fmpq(divisor)


def _lcm(*values: fmpq) -> fmpq:
    multiple = fmpz(1)
    for value in values:
        multiple = multiple.lcm(whole(value))
    return _bounded(fmpq(multiple))


def _series(node: Apply, point: Point, work: Work) -> fmpq:
    index, body, values = indices(node, lambda bound: rational(bound, point, work))
    total = fmpq(0 if node.function == "sum" else 1)
    for value in values:
        term = rational(body, {**point, index: fmpq(value)}, work)
        total = _priced(_bounded(total + term if node.function == "sum" else total * term), work)
    return total


def indices(node: Apply, value_of: Callable[[Node], fmpq]) -> tuple[str, Node, range]:
    """Return the index of a sum or product, its body, and the range of the index.

    Raises:
        Irrational: A bound is not a small integer.
        TooHard: There are more than `MAX_TERMS` terms.
        Undefined: Variable bounds are in the wrong order, where closed forms do not hold.
    """
    symbol, low, high, body = node.arguments
    first, last = whole(value_of(low)), whole(value_of(high))
    if last - first >= MAX_TERMS:
        raise TooHard(f"more than {MAX_TERMS} terms")
    if last < first - 1 and (variables(low) or variables(high)):
        raise Undefined("a sum that ends before it begins")
    assert isinstance(symbol, Symbol)
    return symbol.name, body, range(first, last + 1)


_OPERATIONS: Mapping[str, Callable[..., fmpq]] = {
    "+": _sum,
    "*": _product,
    "/": _quotient,
    "neg": lambda value: -value,
    "abs": abs,
    "percent": lambda value: value / 100,
    "!": _factorial,
    "binom": _binomial,
    "floor": lambda value: fmpq(value.floor()),
    "ceil": lambda value: fmpq(value.ceil()),
    "gcd": _gcd,
    "lcm": _lcm,
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "base": lambda value, _: value,
    "root": _root,
}
