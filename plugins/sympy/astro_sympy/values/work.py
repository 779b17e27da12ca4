"""How much may be spent on one comparison, counted so that every machine gives one verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

from astro_sympy.values.allowance import Allowance


class Undefined(ValueError):
    """The expression has no value here: a division by zero, a logarithm of zero."""


class TooHard(ValueError):
    """The question is not decided within the bounds."""


@dataclass(slots=True)
class Work:
    """What is left to spend, and the seed of the points at which expressions are compared.

    `allowance` is what is left for sympy. A unit is some microseconds: an operation on numbers of a
    few hundred bits.
    """

    seed: int
    left: int = 40_000
    allowance: Allowance = field(default_factory=Allowance)

    def spend(self, units: int = 1) -> None:
        """Raises `TooHard` when nothing is left."""
        self.left -= units
        if self.left < 0:
            raise TooHard("too much work")
