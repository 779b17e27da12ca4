r"""Parses quantities as people and models write them: a number and a product of powers of units.

quantity := [name ("=" | "≈")] number [unit]
number   := ["-" | "+"] digits ["." digits] [("e" | "x 10^") whole]
unit     := factor {["*" | "/"] factor}            "/" divides by the next factor or bracket alone
factor   := symbol ["^"] [whole] | "(" unit ")"

LaTeX commands (`\times`, `\cdot`, `\frac`, `\text{}`, `^{-2}`) and unicode characters (such as ⁻²)
are brought into this form first. Nothing is evaluated, and sizes are limited before parsing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MAX_CHARACTERS = 200
MAX_DIGITS = 30
MAX_EXPONENT = 200
MAX_POWER = 12
MAX_FACTORS = 12
MAX_DEPTH = 3

_SUPERSCRIPTS = {ord(c): d for c, d in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+", strict=True)}
_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        r"\times": "*",
        r"\cdot": "*",
        "\N{MULTIPLICATION SIGN}": "*",
        "\N{MIDDLE DOT}": "*",
        "\N{DOT OPERATOR}": "*",
        "\N{MINUS SIGN}": "-",
        r"\approx": "=",
        "\N{ALMOST EQUAL TO}": "=",
        r"\mu": "µ",
        "\N{GREEK SMALL LETTER MU}": "µ",
        r"\Omega": "ohm",
        "\N{GREEK CAPITAL LETTER OMEGA}": "ohm",
        "\N{OHM SIGN}": "ohm",
        r"^\circ": "°",
        r"^{\circ}": "°",
        r"\circ": "°",
        r"\degree": "°",
        r"\%": "%",
        "\\,": " ",
        "\\ ": " ",
        "\\;": " ",
        "~": " ",
        "$": " ",
        "**": "^",
    }
)
_SPELLING = re.compile("|".join(map(re.escape, sorted(_SPELLINGS, key=len)[::-1])))
_RAISED = re.compile(f"[{''.join(map(chr, _SUPERSCRIPTS))}]+")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_TEXT = re.compile(r"\\(?:text|mathrm|rm|mathit|unit|si)\{([^{}]*)\}")
_POWER = re.compile(r"\^\{([-+]?[0-9]+)\}")
_NAME = re.compile(r"\s*[A-Za-z](?:_\{?\w{1,10}\}?)?\s*=")
_NUMBER = re.compile(
    r"\s*([-+]?)\s*([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.([0-9]*))?"
    r"(?:[eE]([-+]?[0-9]{1,4})(?![0-9])|\s*[*xX]\s*10\s*\^\s*([-+]?[0-9]{1,4})(?![0-9]))?"
)
_TOKEN = re.compile(
    r"\s*(?:([A-Za-zµÅ°%_]{1,24})(?![A-Za-zµÅ°%_])(?:\s*\^\s*([-+]?[0-9]{1,2})|([-+]?[0-9]{1,2}))?"
    r"|([*/()]))\s*"
)
_PREFIX_APART = re.compile(r"µ\s+|°\s+(?=[CF]\b)")


class Unreadable(ValueError):
    """The text is not a quantity of this grammar, or exceeds its limits."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in `units`, symbol -> power; `place` is the worth of one in its last digit."""

    value: float
    place: float
    units: Mapping[str, int]


def read(text: str) -> Quantity:
    """The quantity that a text states. Raises `Unreadable`, and nothing else, on any text."""
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(f"longer than {MAX_CHARACTERS} characters")
    plain = _plain(text)
    if name := _NAME.match(plain):
        plain = plain[name.end() :]
    number = _NUMBER.match(plain)
    if number is None or not (number[2] or number[3]):
        raise Unreadable("no number at its start")
    value, place = _value(number)
    return Quantity(value, place, _units(plain[number.end() :].strip()))


def _plain(text: str) -> str:
    """The text in the alphabet of the grammar."""
    text = _RAISED.sub(lambda match: "^" + match[0].translate(_SUPERSCRIPTS), text)
    text = _SPELLING.sub(lambda match: _SPELLINGS[match[0]], text)
    text = _TEXT.sub(r" \1 ", _POWER.sub(r"^\1 ", text))
    text = _PREFIX_APART.sub(lambda match: match[0].strip(), text)
    return _FRACTION.sub(r"(\1)/(\2)", text)


def _value(number: re.Match[str]) -> tuple[float, float]:
    sign, whole, fraction = number[1], (number[2] or "").replace(",", ""), number[3] or ""
    exponent = int(number[4] or number[5] or 0)
    if len(whole + fraction) > MAX_DIGITS or abs(exponent) > MAX_EXPONENT:
        raise Unreadable("too many digits, or too large an exponent")
    value = float(f"{sign}{whole or 0}.{fraction or 0}e{exponent}")
    return value, 10.0 ** (exponent - len(fraction))


def _units(text: str) -> Mapping[str, int]:
    units, rest = _product(_tokens(text), 0)
    if rest:
        raise Unreadable("a bracket is closed that was not opened")
    return {symbol: power for symbol, power in units.items() if power}


Token = tuple[str, int]
"""A symbol and its power, or an operator or bracket and 0; read from the end of a list."""


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or len(tokens) > 4 * MAX_FACTORS:
            raise Unreadable(f"not a unit: {text[position:]!a:.20}")
        symbol, power = match[1], int(match[2] or match[3] or 1)
        tokens.append((symbol, power) if symbol else (match[4], 0))
        position = match.end()
    return tokens[::-1]


def _product(tokens: list[Token], depth: int) -> tuple[dict[str, int], list[Token]]:
    """The powers of the units up to a closing bracket, and the tokens behind it."""
    units: dict[str, int] = {}
    sign, expected = 1, False
    while tokens:
        symbol, power = tokens.pop()
        if symbol == ")":
            tokens.append((symbol, power))
            break
        if symbol in ("*", "/"):
            if expected or not (units or symbol == "/"):
                raise Unreadable("an operator without a unit before it")
            sign, expected = (1 if symbol == "*" else -1), True
            continue
        group = {symbol: power}
        if symbol == "(":
            group = _bracket(tokens, depth)
        for unit, exponent in group.items():
            units[unit] = units.get(unit, 0) + sign * exponent
        _check_bounds(units)
        sign, expected = 1, False
    if expected:
        raise Unreadable("an operator without a unit behind it")
    return units, tokens


def _bracket(tokens: list[Token], depth: int) -> dict[str, int]:
    if depth == MAX_DEPTH:
        raise Unreadable("too many brackets")
    group, rest = _product(tokens, depth + 1)
    if not rest or not group:
        raise Unreadable("a bracket is empty or not closed")
    rest.pop()
    return group


def _check_bounds(units: Mapping[str, int]) -> None:
    if len(units) > MAX_FACTORS or any(abs(power) > MAX_POWER for power in units.values()):
        raise Unreadable("too many units, or too high a power")
