r"""An answer is correct if it is the reference's quantity, to the digits that the reference shows.

`9.8 m/s^2` stands for all values that round to it, 9.75 to 9.85, in any unit of acceleration:
`980 cm/s^2`, `35.3 km/h/s`. The relative error is at most `max_relative`, even if the reference
shows few digits.
"""

from __future__ import annotations

from astro.builtin.exact import final_answer
from astro.types import Problem, Status, Verdict
from astro_physics_units.params import VerifierParams
from astro_physics_units.quantity import Quantity, Unreadable, read
from astro_physics_units.units import UnitTable

MAX_CHARACTERS = 100_000
_FLOAT_ERROR = 1e-9
"""A relative error that covers the rounding of unit conversions."""


class PhysicsUnitsVerifier:
    def __init__(self, params: VerifierParams) -> None:
        self._params = params
        self._table = UnitTable()

    def verify(self, problem: Problem, response: str) -> Verdict:
        """The verdict on any text, in time linear in its length."""
        try:
            reference = read(problem.answer)
            self._table.convert(reference, reference.units)
        except Unreadable as error:
            return Verdict(Status.BAD_REFERENCE, reason=str(error))
        if len(response) > MAX_CHARACTERS:
            return Verdict(Status.UNPARSED, reason=f"longer than {MAX_CHARACTERS} characters")
        answer = final_answer(response).strip().removesuffix(".")
        try:
            value = self._table.convert(read(answer), reference.units)
        except Unreadable as error:
            return Verdict(Status.UNPARSED, reason=str(error))
        if value is None:
            return Verdict(Status.INCORRECT, answer, "it measures something else")
        if abs(value - reference.value) <= self._tolerance(reference):
            return Verdict(Status.CORRECT, answer)
        return Verdict(Status.INCORRECT, answer, f"{value:g} is not {reference.value:g}")

    def _tolerance(self, reference: Quantity) -> float:
        """Half of the last digit, at most `max_relative` of the value, plus the rounding error."""
        size = abs(reference.value)
        lost = _FLOAT_ERROR * max(size, reference.place)
        return min(reference.place / 2, self._params.max_relative * size) + lost
