"""Units of measurement, and the factors to the base unit of their kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

_TABLE = {
    "length": "mm millimeter millimetre=1/1000 cm centimeter centimetre=1/100 m meter metre=1 "
    "km kilometer kilometre=1000 in inch=127/5000 ft foot feet=381/1250 yd yard=1143/1250 "
    "mi mile=201168/125",
    "mass": "mg milligram=1/1000 g gram=1 kg kilogram=1000 lb pound=45359237/100000 "
    "oz ounce=45359237/1600000",
    "time": "ms millisecond=1/1000 s sec second=1 min minute=60 h hr hour=3600 day=86400 "
    "week=604800",
    "year": "month=1/12 yr year=1 decade=10",
    "volume": "ml millilitre milliliter=1/1000 l litre liter=1",
    "liquid": "cup=1/16 pint=1/8 qt quart=1/4 gal gallon=1",
    "length/time": "mph=1397/3125 kph kmh=5/18",
    "force": "n newton=1",
    "energy": "j joule=1",
    "power": "w watt=1",
    "money": "$ dollar usd=1 cent ¢=1/100",
    "euro": "€ euro eur=1",
    "sterling": "£ gbp=1",
    "yuan": "¥ yuan=1",
    "celsius": "celsius=1",
    "fahrenheit": "fahrenheit=1",
    "angle": "rad radian=1",
}
_PER = re.compile(r"\s*/\s*|\s+per\s+")
_POWER = re.compile(r"(?:(square|sq|cubic)\.? )?([^\s^]+)(?:\s*\^?\s*\{?(\d)\}?)?")
_PREFIXES = {"square": 2, "sq": 2, "cubic": 3}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: `kind` is what it measures, such as `length^2`, `factor` its size in base units."""

    kind: str
    factor: Fraction


def is_unit(word: str) -> bool:
    """Whether a word of two letters or more is the name of a unit."""
    return _base(word) is not None


@lru_cache(maxsize=1024)
def read_unit(text: str) -> Unit | None:
    """Return the unit that `text` names, such as `cm^2`, `square inches` or `km/h`; else None."""
    units = [_power(part) for part in _PER.split(text.strip().rstrip("."))]
    match units:
        case [Unit() as unit]:
            return unit
        case [Unit(kind, factor), Unit(other, divisor)]:
            return Unit(f"{kind}/{other}", factor / divisor)
    return None


def part_of(unit: str, whole: str) -> Fraction | None:
    """Return the fraction of the larger unit `whole` that `unit` is; None if it is not smaller."""
    ours, theirs = read_unit(unit), read_unit(whole)
    if ours is None or theirs is None or ours.kind != theirs.kind or ours.factor >= theirs.factor:
        return None
    return ours.factor / theirs.factor


def _power(text: str) -> Unit | None:
    match = _POWER.fullmatch(text)
    unit = _base(match[2]) if match else None
    if match is None or unit is None:
        return None
    power = _PREFIXES.get(match[1] or "", int(match[3] or 1))
    return unit if power == 1 else Unit(f"{unit.kind}^{power}", unit.factor**power)


def _base(word: str) -> Unit | None:
    units, small = _units(), word.lower()
    spellings = (word, small, small.removesuffix("s"), small.removesuffix("es"))
    return next((units[spelling] for spelling in spellings if spelling in units), None)


@lru_cache(maxsize=1)
def _units() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for kind, text in _TABLE.items():
        for entry in re.findall(r"([^=]+)=(\S+) ?", text):
            for name in entry[0].split():
                units[name] = Unit(kind, Fraction(entry[1]))
    return units
