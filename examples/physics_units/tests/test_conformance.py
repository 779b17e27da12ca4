"""What the core relies on, by the kit."""

from __future__ import annotations

from astro.testing import Case, VerifierConformance
from astro.types import Problem


class TestConformance(VerifierConformance):
    name = "physics_units"

    def cases(self) -> list[Case]:
        gravity = Problem("g", "What is g?", "9.8 m/s^2")
        boiling = Problem("boiling", "When does water boil?", "100.0 °C")
        return [
            Case(
                gravity,
                right=(
                    r"\boxed{980 cm/s^2}",
                    r"\boxed{g = 9.81\,\text{m s}^{-2}}",
                    "answer is 9.8 N/kg.",
                ),
                wrong=(
                    r"\boxed{9.8}",
                    r"\boxed{9.8 m/s}",
                    r"\boxed{98 m/s^2}",
                    r"\boxed{-9.8 m/s^2}",
                    r"\boxed{9.8 or 9.9 m/s^2}",
                    r"\boxed{not 9.8 m/s^2}",
                    r"\boxed{9.8 m/s^2 + 0 m/s^2}",
                    "9.8 m/s^2",
                ),
            ),
            Case(
                boiling,
                right=(r"\boxed{373.15 K}", r"\boxed{212 degF}"),
                wrong=(r"\boxed{100 K}", r"\boxed{100}"),
            ),
        ]
