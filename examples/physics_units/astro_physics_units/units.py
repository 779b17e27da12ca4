"""What pint knows of units. It is given single symbols, never an expression to parse."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import pint

from astro_physics_units.quantity import Quantity, Unreadable


class UnitTable:
    """Converts between units. Thousands of units and prefixes, read once when it is built."""

    def __init__(self) -> None:
        self._registry: pint.UnitRegistry[float] = pint.UnitRegistry(on_redefinition="ignore")

    def convert(self, quantity: Quantity, units: Mapping[str, int]) -> float | None:
        """The value in other units; None where they measure something else.

        Raises `Unreadable` for a symbol that is no unit, a product with a temperature's own scale
        (`°C m`), or a value beyond what a float holds.
        """
        try:
            own, other = self._unit(quantity.units), self._unit(units)
            if not own.is_compatible_with(other):
                return None
            value = float(self._registry.Quantity(quantity.value, own).to(other).magnitude)
        except pint.PintError as error:
            raise Unreadable(str(error)) from None
        except (OverflowError, ZeroDivisionError):
            raise Unreadable("too large or too small") from None
        if not isfinite(value):
            raise Unreadable("too large or too small")
        return value

    def _unit(self, units: Mapping[str, int]) -> pint.Unit:
        unit = self._registry.Unit("")
        for symbol, power in units.items():
            unit = unit * self._symbol(symbol) ** power
        return unit

    def _symbol(self, symbol: str) -> pint.Unit:
        if symbol not in self._registry:
            raise Unreadable(f"{symbol} is no unit")
        return self._registry.Unit(symbol)
