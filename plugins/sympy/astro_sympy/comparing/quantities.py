"""Equality of single values: units, percent, degrees, numeral bases, infinity and rounding."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq

from astro_sympy.comparing.identity import identical
from astro_sympy.comparing.rounding import rounds_to
from astro_sympy.params import SympyParams
from astro_sympy.values.nodes import (
    Apply,
    Measure,
    Node,
    Number,
    Symbol,
    rebuild,
    substitute,
    variables,
    walk,
)
from astro_sympy.values.units import Unit, read_unit
from astro_sympy.values.work import TooHard, Undefined, Work

_TRIGONOMETRIC = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})
_PARAMETERS = frozenset("kmnlj")
_LETTER_UNITS = frozenset("mgshL")


@dataclass(frozen=True, slots=True)
class Scope:
    """The conventions of a comparison, and the work that is left to it."""

    params: SympyParams
    work: Work


def same_quantity(gold: Node, answer: Node, scope: Scope) -> bool:
    """Whether two values are the same by the conventions.

    Raises:
        Undefined: One of them has no value.
        TooHard: The question cannot be decided within the bounds.
    """
    ends = _infinity(gold), _infinity(answer)
    if any(ends):
        return ends[0] == ends[1]
    if gold == answer:
        return _is_defined(gold, scope.work)
    if _bases(gold) != _bases(answer):
        return False
    gold, answer = _with_letter_unit(gold, answer), _with_letter_unit(answer, gold)
    gold_unit, answer_unit = _unit(gold), _unit(answer)
    if not _units_agree(gold_unit, answer_unit, scope.params):
        return False
    if gold_unit and answer_unit:
        gold, answer = _scaled(gold, gold_unit), _scaled(answer, answer_unit)
    return _same_value(gold, answer, scope)


def _units_agree(gold: Unit | None, answer: Unit | None, params: SympyParams) -> bool:
    if gold is None or answer is None:
        return gold is answer or "unit" in params.optional
    return gold.kind == answer.kind and (params.convert_units or gold.factor == answer.factor)


def _is_defined(node: Node, work: Work) -> bool:
    """Return True.

    Raises:
        Undefined: The constant has no value, as 1/0.
    """
    if not variables(node):
        with suppress(TooHard):
            identical(node, node, work)
    return True


def _same_value(gold: Node, answer: Node, scope: Scope) -> bool:
    work, undefined = scope.work, None
    for left, right in _readings(gold, answer, scope.params):
        try:
            if identical(left, right, work):
                return True
        except Undefined as error:
            undefined = error
        if rounds_to(right, left, work, scope.params.rounded_digits):
            return True
        if rounds_to(left, right, work, scope.params.float_digits):
            return True
    if undefined:
        raise undefined
    return False


def _readings(gold: Node, answer: Node, params: SympyParams) -> list[tuple[Node, Node]]:
    """Return the pairs of values to compare, since a percent or degree sign may be omitted."""
    pairs = [(gold, answer)]
    bare = _without_percent(gold), _without_percent(answer)
    if "percent" in params.optional and (bare[0] is gold) != (bare[1] is answer):
        pairs.append(bare)
    in_units = _unit(gold) or _unit(answer)  # 90 radians are not 90 degrees
    if "degrees" in params.optional and not in_units and _has_degrees(gold) != _has_degrees(answer):
        pairs.append((_without_degrees(gold), _without_degrees(answer)))
    pairs += _renamed(gold, answer)
    return pairs


def _without_percent(node: Node) -> Node:
    match node:
        case Apply("percent", (value,)):
            return value
        case Apply("neg", (Apply("percent", (value,)),)):
            return Apply("neg", (value,))
    return node


def _has_degrees(node: Node) -> bool:
    return any(isinstance(below, Apply) and below.function == "degree" for below in walk(node))


def _without_degrees(node: Node) -> Node:
    """Remove degree signs, except in the arguments of trigonometric functions."""
    match node:
        case Apply("degree", (value,)):
            return value
        case Apply(function) if function in _TRIGONOMETRIC:
            return node
    return rebuild(node, _without_degrees)


def _renamed(gold: Node, answer: Node) -> list[tuple[Node, Node]]:
    """Rename the integer parameter of a periodic solution such as `pi/6 + k pi`."""
    names = variables(gold), variables(answer)
    if names[0] == names[1] or len(names[0]) != 1 or len(names[1]) != 1:
        return []
    (old,), (new,) = names[1], names[0]
    periodic = all(Symbol("pi") in walk(node) or _has_degrees(node) for node in (gold, answer))
    if not periodic or not {old, new} <= _PARAMETERS:
        return []
    return [(gold, substitute(answer, {old: Symbol(new)}))]


def _infinity(node: Node) -> int:
    """Return 1 for infinity, -1 for minus infinity, and 0 for anything else."""
    match node:
        case Symbol("oo"):
            return 1
        case Apply("neg", (below,)):
            return -_infinity(below)
    return 0


def _bases(node: Node) -> set[Node]:
    """Return the bases in which numerals are written, other than base 10."""
    found = set()
    for below in walk(node):
        match below:
            case Apply("base", (_, base)):
                found.add(base)
    return found


def _unit(node: Node) -> Unit | None:
    match node:
        case Measure(_, unit):
            return read_unit(unit)
        case Apply("neg" | "+" | "*", (*_, below)):  # 12 \pi cm, 4 + 2\sqrt{3} m
            return _unit(below)
    return None


def _with_letter_unit(node: Node, other: Node) -> Node:
    """Read `5m^2` as 5 square meters if m cannot be a variable since `other` has none."""
    if variables(other):
        return node
    match node:
        case Apply("*", (Number() as value, Symbol(name))) if name in _LETTER_UNITS:
            return Measure(value, name)
        case Apply("*", (Number() as value, Apply("^", (Symbol(name), Number(power))))):
            return Measure(value, f"{name}^{power}") if name in _LETTER_UNITS else node
    return node


def _scaled(node: Node, unit: Unit) -> Node:
    factor: Fraction = unit.factor
    if factor == 1:
        return node
    return Apply("*", (Number(fmpq(factor.numerator, factor.denominator)), node))
