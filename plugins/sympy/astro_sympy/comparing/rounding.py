"""Decimals as rounded values."""

from __future__ import annotations

from flint import arb, fmpq

from astro_sympy.comparing.identity import evaluate
from astro_sympy.values.nodes import Apply, Measure, Node, Number, variables
from astro_sympy.values.work import Work


def rounds_to(exact: Node, rounded: Node, work: Work, least_digits: int) -> bool:
    """Whether `exact` is within half a unit of the last place of the decimal `rounded`.

    False if `rounded` is not a decimal, or has fewer significant digits than `least_digits`: 0.3 is
    not accepted for 1/3.

    Raises:
        Undefined: One of them has no value.
        TooHard: The value cannot be computed within the bounds.
    """
    resolution = _resolution(rounded, least_digits)
    if resolution is None or variables(exact):
        return False
    distance = evaluate(Apply("+", (exact, Apply("neg", (rounded,)))), work)
    if isinstance(distance, fmpq):
        return bool(abs(distance) <= resolution / 2)
    return bool(abs(distance) <= arb(resolution / 2))


def _resolution(node: Node, least_digits: int) -> fmpq | None:
    """Return the unit of the last place of a decimal, maybe with a sign, percent sign or unit."""
    match node:
        case Number(_, places, digits) if places is not None and digits >= least_digits:
            return fmpq(1, 10**places)
        case Apply("neg", (value,)) | Measure(value, _):
            return _resolution(value, least_digits)
        case Apply("percent", (value,)):
            resolution = _resolution(value, least_digits)
            return resolution and resolution / 100
    return None
