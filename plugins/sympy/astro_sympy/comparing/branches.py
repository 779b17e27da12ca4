"""Points between the places where a branch of an expression begins: 3 for |x - 3|, 0 for a root.

Along a line in the direction of one variable, an expression is analytic between neighboring places,
so that one point between each two shows a difference that is confined to a short interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import combinations, islice, pairwise, product
from random import Random
from typing import Any

from flint import arb, fmpq, fmpq_poly

from astro_sympy.comparing.sampling import has_kinks, points, whole_variables
from astro_sympy.values.balls import ball
from astro_sympy.values.nodes import Apply, Measure, Named, Node, Number, Symbol, variables, walk
from astro_sympy.values.rational import Irrational, Point, rational
from astro_sympy.values.work import TooHard, Undefined, Work

_LINES = 2
_AXES = 4
_TURNS = 10
_STEPS = range(-2, 3)
_PLACES = 12
_FORMS = 8
_DEGREE = 24
_SIMPLE_BITS = 40
_COEFFICIENT_BITS = 2_000
_FINE = (1 << 20) + 7
_ONE, _X = fmpq_poly([1]), fmpq_poly([0, 1])

_Form = tuple[fmpq_poly, fmpq_poly]
"""Numerator and denominator of a rational function along a line."""


def points_between_branches(
    left: Node, right: Node, work: Work, integers: frozenset[str]
) -> Iterator[Point]:
    """Yield points at and between the places where a branch of either expression begins.

    The variables in `integers`, and those that have to be whole, keep the values of other points.
    Some lines begin at points of other lines, since a branch may begin for large y only.
    """
    random = Random(work.seed)
    integers |= whole_variables(left) | whole_variables(right)
    names = [name for name in sorted(variables(left) | variables(right)) if name not in integers]
    names = names[:_AXES]

    def along(name: str, base: Point) -> Iterator[Point]:
        line = _Line(name, base, work)
        found = {place for node in (left, right) for place in line.places(node)}
        places = sorted(sorted(found, key=abs)[:_PLACES])
        for place in [*filter(_is_simple, places), *_between(places, random)]:
            yield {**base, name: place}

    turns = []
    for base in islice(points(left, right, work, integers), _LINES):
        for name in names:
            for point in along(name, base):
                turns += [(other, point) for other in names if other != name]
                yield point
    if has_kinks(left) or has_kinks(right):
        for name, base in random.sample(turns, min(len(turns), _TURNS)):
            yield from along(name, base)


def _between(places: list[fmpq], random: Random) -> Iterator[fmpq]:
    """Yield a number between each two, and beyond the first and last, of few digits if possible."""
    if not places:
        return
    ends = [places[0] - 40, places[0] - 3], [places[-1] + 3, places[-1] + 40]
    for low, high in pairwise([*ends[0], *places, *ends[1]]):
        exact = low + (high - low) * fmpq(random.randint(1, _FINE), _FINE)
        below = random.randint(1 << 11, 1 << 12)
        short = fmpq((exact * below).floor(), below)
        yield short if low < short < high else exact


def _is_simple(place: fmpq) -> bool:
    """Whether a place may be exact, rather than the approximation of an irrational number."""
    return int(place.q.bit_length()) < _SIMPLE_BITS


class _Line:
    """The line on which one variable varies, and the others are as at a point."""

    def __init__(self, name: str, base: Point, work: Work) -> None:
        self._name = name
        self._base = base
        self._work = work

    def places(self, node: Node) -> Iterator[fmpq]:
        """Yield the places where a branch begins in some part of an expression."""
        for below in walk(node):
            for part, values in _critical(below):
                for value in values:
                    yield from self._solutions(part, fmpq(value))

    def _solutions(self, node: Node, value: fmpq) -> Iterator[fmpq]:
        """Yield places where an expression has a value, some of them approximate.

        If it is no rational function along the line, the inverses of its functions are applied, as
        far as the variable is in one argument only.
        """
        forms = self._forms(node)
        for above, below in forms:
            yield from _roots(above - value * below)
        if forms or not isinstance(node, Apply):
            return
        inner = [below for below in node.arguments if self._name in variables(below)]
        if len(inner) == 1:
            others = [self._constant(below) for below in node.arguments if below is not inner[0]]
            known = [float(arb(other)) for other in others if other is not None]
            for solution in _inverses(node, inner[0], known, float(arb(value))):
                yield from self._solutions(inner[0], solution)

    def _forms(self, node: Node) -> list[_Form]:
        """Return the rational functions that it may be along the line; none if unknown."""
        self._work.spend()
        if self._name not in variables(node):
            constant = self._constant(node)
            return [] if constant is None else [(fmpq_poly([constant]), _ONE)]
        return [form for form in self._variable_forms(node) if max(map(_degree, form)) <= _DEGREE][
            :_FORMS
        ]

    def _variable_forms(self, node: Node) -> Iterable[_Form]:  # noqa: PLR0911 - one return per case
        match node:
            case Symbol():
                return [(_X, _ONE)]
            case Apply("+" | "*" as operation, (first, *others)):
                combine = _added if operation == "+" else _multiplied
                forms = self._forms(first)
                for other in others:
                    forms = self._combined(combine, forms, self._forms(other))
                return forms
            case Apply("/", (above, below)):
                inverse = [(b, a) for a, b in self._forms(below)]
                return self._combined(_multiplied, self._forms(above), inverse)
            case Apply("neg" | "abs" as operation, (inner,)):
                forms = self._forms(inner)
                return [*(forms if operation == "abs" else []), *((-a, b) for a, b in forms)]
            case Apply("max" | "min", arguments):
                return [form for argument in arguments for form in self._forms(argument)]
            case Apply("^", (base, Number(exponent))) if exponent in range(1, _DEGREE):
                return self._powers(self._forms(base), int(exponent.p))
            case Measure(inner, _) | Named(_, inner):
                return self._forms(inner)
        return []

    def _combined(
        self, combine: Callable[[_Form, _Form], _Form], ours: list[_Form], theirs: list[_Form]
    ) -> list[_Form]:
        self._work.spend(len(ours) * len(theirs))
        return [combine(*pair) for pair in islice(product(ours, theirs), _FORMS)]

    def _powers(self, forms: list[_Form], times: int) -> list[_Form]:
        return [(a**times, b**times) for a, b in forms if _degree(a * b) * times <= _DEGREE]

    def _constant(self, node: Node) -> fmpq | None:
        with suppress(Undefined, TooHard):
            try:
                return rational(node, self._base, self._work)
            except Irrational:
                value = float(ball(node, self._base, self._work).real)
                return next(iter(_fractions([value])), None)
        return None


def _critical(node: Node) -> Iterable[tuple[Node, Iterable[int]]]:
    """Return functions with the values that they have where a branch of this part begins."""
    match node:
        case Apply("abs" | "ln" | "log" | "root" | "^", (inner, *_)) | Apply("/", (_, inner)):
            return [(inner, (0,))]
        case Apply("arcsin" | "arccos", (inner,)):
            return [(inner, (-1, 1))]
        case Apply("floor" | "ceil", (inner,)):
            return [(inner, _STEPS)]
        case Apply("max" | "min", inner):
            pairs = combinations(inner, 2)
            return [(Apply("+", (one, Apply("neg", (other,)))), (0,)) for one, other in pairs]
    return []


def _inverses(node: Apply, inner: Node, known: list[float], value: float) -> Iterable[fmpq]:
    """Return values of the argument `inner` at which a function has a value.

    Args:
        node: The function with its arguments.
        inner: The one argument that is not constant.
        known: The values of its other arguments.
        value: The value of the function.
    """
    with suppress(ValueError, OverflowError, ZeroDivisionError):
        return _fractions(_inverse(node, inner, known, value))
    return []


def _inverse(node: Apply, inner: Node, known: list[float], y: float) -> Iterable[float]:  # noqa: PLR0911, PLR0912 - one return per case
    match node.function, known:
        case "+", _:
            return [y - sum(known)]
        case "*", _:
            return [y / math.prod(known)]
        case "/", [other]:
            return [y * other if inner is node.arguments[0] else other / y]
        case "neg", _:
            return [-y]
        case "abs", _:
            return [y, -y]
        case "sin", _:
            return [math.asin(y), math.pi - math.asin(y), -math.pi - math.asin(y)]
        case "cos", _:
            return [math.acos(y), -math.acos(y)]
        case "tan" | "arctan", _:
            return [math.atan(y) if node.function == "tan" else math.tan(y)]
        case "ln", _:
            return [math.exp(y)]
        case "log", _:
            return [math.pow((known or [10.0])[0], y)]
        case "root", [index]:
            return [abs(y) ** index * math.copysign(1, y)]
        case "^", [other] if inner is node.arguments[0]:
            return [abs(y) ** (1 / other), -(abs(y) ** (1 / other))]
        case "^", [other]:
            return [math.log(y) / math.log(other)]
    return []


def _fractions(values: Iterable[float]) -> list[fmpq]:
    return [fmpq(*value.as_integer_ratio()) for value in values if math.isfinite(value)]


def _added(left: _Form, right: _Form) -> _Form:
    if left[1] == right[1]:
        return left[0] + right[0], left[1]
    return left[0] * right[1] + right[0] * left[1], left[1] * right[1]


def _multiplied(left: _Form, right: _Form) -> _Form:
    return left[0] * right[0], left[1] * right[1]


def _degree(polynomial: fmpq_poly) -> int:
    return int(polynomial.degree())


def _roots(polynomial: fmpq_poly) -> list[fmpq]:
    """Return the real parts of the roots, which are exact if there is one root."""
    whole: Any = polynomial.numer()
    if not 1 <= _degree(polynomial) <= _DEGREE or whole.height_bits() > _COEFFICIENT_BITS:
        return []
    if _degree(polynomial) == 1:
        return [-polynomial[0] / polynomial[1]]
    return _fractions(float(root.real) for root, _ in whole.complex_roots())
