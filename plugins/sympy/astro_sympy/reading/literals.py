"""Exact values of numerals."""

from __future__ import annotations

import re

from flint import fmpq

from astro_sympy.reading.lexer import Unreadable
from astro_sympy.values.nodes import Apply, Node, Number

MAX_EXPONENT = 400


def number(text: str) -> Number:
    r"""Return the value of `12`, `.5`, `0.1\overline{6}` or `1.5e-3`.

    Raises:
        Unreadable: The exponent is beyond `MAX_EXPONENT`.
    """
    if "\\" in text:
        return _repeating(text)
    if "e" in text.lower():
        return _scientific(text.lower())
    whole, point, places = text.partition(".")
    digits = len((whole + places).lstrip("0"))
    if not point or not places:
        return Number(fmpq(int(whole)), None, digits)
    return Number(fmpq(int(whole + places), 10 ** len(places)), len(places), digits)


def _scientific(text: str) -> Number:
    mantissa, exponent = text.split("e")
    if len(exponent) > 5 or abs(int(exponent)) > MAX_EXPONENT:
        raise Unreadable(f"an exponent beyond {MAX_EXPONENT}")
    plain, shift = number(mantissa), int(exponent)
    places = (plain.places or 0) - shift
    return Number(plain.value * fmpq(10) ** shift, places if places > 0 else None, plain.digits)


def _repeating(text: str) -> Number:
    whole, places, cycle = re.findall(r"\d+|(?<=\.)(?=\\)|^(?=\.)", text)
    once = fmpq(int((whole or "0") + places), 10 ** len(places))
    return Number(once + fmpq(int(cycle), 10 ** len(places) * (10 ** len(cycle) - 1)))


def base_numeral(digits: str, base: Node) -> Node:
    """Return the value of a numeral such as `204_5`, marked with its base unless that is 10.

    Raises:
        Unreadable: The base is not an integer from 2 to 36, or does not have one of the digits.
    """
    radix = int(base.value.p) if isinstance(base, Number) and base.value.q == 1 else 0
    if not 2 <= radix <= 36:
        raise Unreadable("the base of a numeral is not an integer from 2 to 36")
    try:
        value = Number(fmpq(int(digits, radix)), None, len(digits))
    except ValueError:
        raise Unreadable(f"a digit that base {radix} does not have") from None
    return value if radix == 10 else Apply("base", (value, Number(fmpq(radix))))
