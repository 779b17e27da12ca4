"""A limit on the work of one comparison, counted so that every machine gives the same verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

from astro_sympy.values.allowance import Allowance


class Undefined(ValueError):
    """The expression has no value here, as in a division by zero or the logarithm of zero."""


class TooHard(ValueError):
    """The question cannot be decided within the bounds."""


@dataclass(slots=True)
class Work:
    """What one comparison may spend, and the seed of the points at which it compares expressions.

    Attributes:
        seed: Seed of the random points.
        left: Units of work that are left. A unit is a few microseconds: one operation on numbers
            of a few hundred bits.
        allowance: What is left for sympy.
    """

    seed: int
    left: int = 80_000
    allowance: Allowance = field(default_factory=Allowance)

    def spend(self, units: int = 1) -> None:
        """Spend some units.

        Raises:
            TooHard: Not enough units are left.
        """
        self.left -= units
        if self.left < 0:
            raise TooHard("the comparison takes too much work")
