"""The calls into sympy, and the state in which it runs.

Only this module and `translation` import sympy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mpmath  # type: ignore[import-untyped]
import sympy  # type: ignore[import-untyped]
from sympy.core.cache import clear_cache  # type: ignore[import-untyped]
from sympy.core.random import seed  # type: ignore[import-untyped]

from astro_sympy.values.allowance import Guards
from astro_sympy.values.nodes import Node
from astro_sympy.values.translation import from_sympy, to_sympy

MAX_POWER_BITS = 2_000
MAX_FACTORIAL = 1_000

_MPMATH_BITS = 53


def make_tables() -> None:
    """Let sympy build its tables and import the modules that it imports on first use.

    This takes a second. Under an allowance it would be charged to the first question, and where
    it is cut off, it starts anew each time.
    """
    x, k = sympy.Dummy(real=True), sympy.Dummy(integer=True, nonnegative=True)
    exponential = sympy.Sum(1 / sympy.factorial(k), (k, 0, sympy.oo))
    exponential.doit()
    sympy.simplify(exponential - x)
    sympy.Product(k, (k, 1, x)).doit()
    sympy.Integral(sympy.exp(-(x**2)), (x, -sympy.oo, sympy.oo)).doit()
    proper = sympy.Integral(x * sympy.exp(x) + 1 / (x**3 + 1), (x, 0, 1))
    proper.doit()
    proper.evalf()


def closed_form(node: Node) -> Node:
    """Return the value of a sum, integral, limit or derivative.

    Raises:
        TooHard: sympy finds no closed form.
        Undefined: There is no finite value.
    """
    return from_sympy(to_sympy(node).doit())


def is_zero(difference: Node) -> bool:
    """Whether an expression simplifies to zero.

    Raises:
        TooHard: The expression cannot be translated.
        Undefined: The expression has no value.
    """
    value = to_sympy(difference)
    return bool(value == 0 or sympy.simplify(value) == 0)


@contextmanager
def clean_state() -> Iterator[None]:
    """Clear the caches and seed the random numbers, so that results do not depend on history."""
    clear_cache()
    seed(0)
    with mpmath.workprec(_MPMATH_BITS):
        yield


def guards() -> Guards:
    """Return guards of the functions that build long integers in one call.

    They are powers, factorials and binomials.
    """
    return {
        sympy.Integer._eval_power.__code__: _is_long_power,
        sympy.Rational._eval_power.__code__: _is_long_power,
        sympy.factorial.eval.__func__.__code__: lambda given: _is_large(given["n"]),
        sympy.binomial.eval.__func__.__code__: lambda given: (
            _is_large(given["n"]) or _is_large(given["k"])
        ),
    }


def _is_long_power(given: Mapping[str, Any]) -> bool:
    base, exponent = given["self"], given["expt"]
    if not exponent.is_Rational:
        return False
    bits = max(int(base.p).bit_length(), int(base.q).bit_length())
    return bool(bits > 1 and bits * abs(int(exponent.p)) > MAX_POWER_BITS * int(exponent.q))


def _is_large(value: Any) -> bool:
    return bool(value.is_Rational and abs(value) > MAX_FACTORIAL)
