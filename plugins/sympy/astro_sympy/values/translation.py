"""Translation of expression trees to sympy's expressions, node by node, and back.

Nothing is parsed from text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy  # type: ignore[import-untyped]
from flint import fmpq
from sympy import S

from astro_sympy.values.nodes import Apply, Measure, Named, Node, Number, Symbol
from astro_sympy.values.work import TooHard, Undefined

Expression = Any
Bound = Mapping[str, Expression]
_LIMITS = {"lim": "+-", "lim+": "+", "lim-": "-"}


def to_sympy(node: Node, bound: Bound | None = None) -> Expression:
    """Translate a tree to an expression in real variables.

    `bound` holds the variables of the sums and integrals around the node.

    Raises:
        Undefined: The expression has no finite value.
        TooHard: The expression has no counterpart in sympy.
    """
    value = _translated(node, bound or {})
    if value.has(S.NaN, S.ComplexInfinity) or value in (S.Infinity, S.NegativeInfinity):
        raise Undefined("no finite value")
    return value


def _translated(node: Node, bound: Bound) -> Expression:  # noqa: PLR0911 - one return per case
    match node:
        case Number(value):
            return sympy.Rational(int(value.p), int(value.q))
        case Symbol(name):
            return bound[name] if name in bound else _symbol(name)
        case Measure(value, _) | Named(_, value):
            return to_sympy(value, bound)
        case Apply("sum" | "prod" | "int" as function, (Symbol(name), low, high, body)):
            return _ranged(function, name, (_end(low, bound), _end(high, bound)), body, bound)
        case Apply("lim" | "lim+" | "lim-" as function, (Symbol(name), target, body)):
            return _limit(function, name, _end(target, bound), body, bound)
        case Apply("diff", (variable, Number(order), body)):
            return sympy.Derivative(
                to_sympy(body, bound), (to_sympy(variable, bound), int(order.p))
            )
        case Apply(function, arguments) if function in _OPERATIONS:
            return _OPERATIONS[function](*(to_sympy(argument, bound) for argument in arguments))
    raise TooHard("the expression has no counterpart in sympy")


def _symbol(name: str) -> Expression:
    constants = {"pi": S.Pi, "e": S.Exp1, "i": S.ImaginaryUnit}
    if name in ("oo", "...", "emptyset", "?"):
        raise TooHard(f"{name:.20} is not a number")
    return constants.get(name) or sympy.Symbol(name, real=True)


def _end(node: Node, bound: Bound) -> Expression:
    """Translate a bound of a sum or integral, or the target of a limit, which may be infinite."""
    match node:
        case Symbol("oo"):
            return S.Infinity
        case Apply("neg", (Symbol("oo"),)):
            return S.NegativeInfinity
    return to_sympy(node, bound)


def _ranged(
    function: str, name: str, ends: tuple[Expression, Expression], body: Node, bound: Bound
) -> Expression:
    low, high = ends
    whole = function != "int"
    if whole and any(end.is_integer is False and end.is_finite for end in (low, high)):
        raise TooHard("the bounds of a sum are not integers")
    if not low.is_extended_real or not high.is_extended_real:
        raise TooHard("the bounds are not real")
    assumptions = {"integer": True} if whole else {"real": True}
    if low.is_nonnegative and high.is_extended_nonnegative:
        assumptions["nonnegative"] = True
    index = sympy.Dummy(name, **assumptions)
    kinds = {"sum": sympy.Sum, "prod": sympy.Product, "int": sympy.Integral}
    return kinds[function](to_sympy(body, {**bound, name: index}), (index, low, high))


def _limit(function: str, name: str, target: Expression, body: Node, bound: Bound) -> Expression:
    sign = {"positive": True} if target is S.Infinity else {}
    variable = sympy.Dummy(name, real=True, **sign)
    inside = to_sympy(body, {**bound, name: variable})
    direction = "-" if target.is_infinite else _LIMITS[function]
    return sympy.Limit(inside, variable, target, direction)


def _power(base: Expression, exponent: Expression) -> Expression:
    """Raise to a power; odd roots of real numbers are real, where sympy's are principal values."""
    if base.is_zero is not False and not exponent.is_positive and base.is_number:
        raise Undefined("zero to a power that is not positive")
    if exponent.is_Rational and exponent.q != 1 and exponent.q % 2 and not base.is_nonnegative:
        if not base.is_negative:
            raise TooHard("an odd root of what may be negative")
        return (-1) ** int(exponent.p) * (-base) ** exponent
    return base**exponent


def _quotient(above: Expression, below: Expression) -> Expression:
    if below.is_zero:
        raise Undefined("division by zero")
    return above / below


_OPERATIONS: Mapping[str, Callable[..., Expression]] = {
    "+": sympy.Add,
    "*": sympy.Mul,
    "/": _quotient,
    "neg": lambda value: -value,
    "^": _power,
    "root": lambda value, index: _power(value, 1 / index),
    "abs": sympy.Abs,
    "percent": lambda value: value / 100,
    "degree": lambda value: value * S.Pi / 180,
    "ln": sympy.log,
    "log": lambda value, base=10: _quotient(sympy.log(value), sympy.log(base)),
    "arccot": lambda value: sympy.atan(1 / value),
    "base": lambda value, _: value,
    "floor": sympy.floor,
    "ceil": sympy.ceiling,
    "!": sympy.factorial,
    "binom": sympy.binomial,
    "arcsin": sympy.asin,
    "arccos": sympy.acos,
    "arctan": sympy.atan,
    **{
        name: getattr(sympy, name)
        for name in (
            "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth",
        )
    },
}  # fmt: skip
_NAMES = {sympy.log: "ln", sympy.asin: "arcsin", sympy.acos: "arccos", sympy.atan: "arctan"} | {
    function: name for name, function in _OPERATIONS.items() if isinstance(function, type)
}


def from_sympy(value: Expression) -> Node:
    """Translate a closed form back to a tree.

    Raises:
        TooHard: The expression has no counterpart in our trees.
    """
    if value.is_Rational:
        return Number(fmpq(int(value.p), int(value.q)))
    if value.is_Symbol:
        return Symbol(value.name)
    if value in _CONSTANTS:
        return _CONSTANTS[value]
    if isinstance(value, sympy.Pow | sympy.exp):
        return _power_node(*value.as_base_exp())
    name = "+" if value.is_Add else "*" if value.is_Mul else _NAMES.get(value.func)
    if name is None:
        raise TooHard("no closed form was found")
    return Apply(name, tuple(map(from_sympy, value.args)))


def _power_node(base: Expression, exponent: Expression) -> Node:
    principal = exponent.is_Rational and exponent.q % 2 and exponent.q != 1
    if principal and not base.is_nonnegative:
        raise TooHard("an odd root of what may be negative")
    return Apply("^", (from_sympy(base), from_sympy(exponent)))


_CONSTANTS: Mapping[Expression, Node] = {
    S.Pi: Symbol("pi"),
    S.Exp1: Symbol("e"),
    S.ImaginaryUnit: Symbol("i"),
    S.Infinity: Symbol("oo"),
    S.NegativeInfinity: Apply("neg", (Symbol("oo"),)),
}
