"""Values as balls: a midpoint with a radius that contains the true value (Johansson, Arb, 2017)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from flint import acb, arb, ctx, fmpq

from astro_sympy.values.nodes import Apply, Measure, Named, Node, Symbol
from astro_sympy.values.rational import MAX_DEGREE, Irrational, Point, indices, rational
from astro_sympy.values.work import TooHard, Undefined, Work

_WHOLE = frozenset({"floor", "ceil", "!", "binom", "gcd", "lcm", "max", "min"})


def ball(node: Node, point: Point, work: Work, real: bool = False) -> acb:
    """Evaluate an expression at a point, at the precision of flint's context.

    Roots of odd degree are real on real numbers; other powers and logarithms are principal.

    Raises:
        Undefined: The expression, or with `real` a part of it, has no finite (real) value there.
        TooHard: The value cannot be computed, or not within the bounds.
    """
    work.spend(1 + int((ctx.prec / 256) ** 1.5))
    if not isinstance(node, Apply) or node.function in _WHOLE:
        with suppress(Irrational):
            return acb(rational(node, point, work))
    match node:
        case Symbol(name):
            return _constant(name)
        case Apply("sum" | "prod"):
            return _series(node, point, work)
        case Apply("^", (base, exponent)):
            return _finite(_power(base, exponent, point, work, real), real)
        case Apply(function, arguments) if (operation := _OPERATIONS.get(function)) is not None:
            values = [ball(argument, point, work, real) for argument in arguments]
            return _finite(operation(*values), real)
        case Measure(value, _) | Named(_, value):
            return ball(value, point, work, real)
    raise TooHard("the expression is not a number")


def is_real(value: acb) -> bool:
    """Whether the value is certainly real."""
    return bool(value.imag == 0)


def _constant(name: str) -> acb:
    match name:
        case "pi":
            return acb(arb.pi())
        case "e":
            return acb(arb.const_e())
        case "i":
            return acb(0, 1)
    raise TooHard(f"{name:.20} has no value")


def _finite(value: acb, real: bool = False) -> acb:
    if not value.is_finite():
        raise Undefined("no finite value")
    if real and not is_real(value):
        raise Undefined("the value is not real")
    return value


def _power(base: Node, exponent: Node, point: Point, work: Work, real: bool) -> acb:
    value = ball(base, point, work, real)
    try:
        power = rational(exponent, point, work)
    except Irrational:
        return value.pow(ball(exponent, point, work, real))
    if power.q > MAX_DEGREE:  # of a variable, which stands for any real number
        return value.pow(acb(arb(power)))
    if power.q != 1:
        value = _root(value, acb(power.q))
    raised = _finite(value ** abs(int(power.p)))
    return raised if power >= 0 else 1 / raised


def _root(value: acb, index: acb) -> acb:
    degree = _integer(index.real)
    if not 2 <= degree <= MAX_DEGREE:
        raise TooHard(f"the degree of a root is not between 2 and {MAX_DEGREE}")
    if degree % 2 and is_real(value) and value.real < 0:
        return -acb((-value.real).root(degree))
    return value.root(degree)


def _integer(value: arb) -> int:
    found = value.unique_fmpz()
    if found is None:
        raise TooHard("the value may lie on either side of an integer")
    return int(found)


def _series(node: Apply, point: Point, work: Work) -> acb:
    index, body, values = indices(node, lambda bound: rational(bound, point, work))
    total = acb(0 if node.function == "sum" else 1)
    for value in values:
        term = ball(body, {**point, index: fmpq(value)}, work)
        total = total + term if node.function == "sum" else total * term
    return total


def _sum(*terms: acb) -> acb:
    return sum(terms[1:], terms[0])


def _product(*factors: acb) -> acb:
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product


def _greatest(*values: acb) -> acb:
    for value in values:
        if all(other is value or value.real >= other.real for other in values):
            return value
    raise TooHard("the values may be in either order")


def _log(value: acb, base: acb | None = None) -> acb:
    return value.log() / (acb(10) if base is None else base).log()


def _rounded(rounding: Callable[[arb], arb]) -> Callable[[acb], acb]:
    return lambda value: acb(_integer(rounding(value.real)))


_OPERATIONS: Mapping[str, Callable[..., acb]] = {
    "+": _sum,
    "*": _product,
    "/": lambda above, below: above / below,
    "neg": lambda value: -value,
    "abs": lambda value: acb(abs(value)),
    "percent": lambda value: value / 100,
    "degree": lambda value: value * arb.pi() / 180,
    "root": _root,
    "ln": lambda value: value.log(),
    "log": _log,
    "sin": lambda value: value.sin(),
    "cos": lambda value: value.cos(),
    "tan": lambda value: value.tan(),
    "cot": lambda value: value.cot(),
    "sec": lambda value: value.sec(),
    "csc": lambda value: value.csc(),
    "sinh": lambda value: value.sinh(),
    "cosh": lambda value: value.cosh(),
    "tanh": lambda value: value.tanh(),
    "coth": lambda value: value.coth(),
    "arcsin": lambda value: value.asin(),
    "arccos": lambda value: value.acos(),
    "arctan": lambda value: value.atan(),
    "arccot": lambda value: (1 / value).atan(),
    "!": lambda value: (value + 1).gamma(),
    "floor": _rounded(lambda value: value.floor()),
    "ceil": _rounded(lambda value: value.ceil()),
    "max": _greatest,
    "min": lambda *values: -_greatest(*(-value for value in values)),
    "base": lambda value, _: value,
}
