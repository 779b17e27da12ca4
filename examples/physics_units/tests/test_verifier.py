"""What is equal: the same quantity in other units, to the digits that the reference shows."""

from __future__ import annotations

import pytest

from astro.types import Problem, Status
from astro_physics_units.params import VerifierParams
from astro_physics_units.verifier import PhysicsUnitsVerifier


@pytest.fixture(scope="module")
def verifier() -> PhysicsUnitsVerifier:
    return PhysicsUnitsVerifier(VerifierParams())


def status(verifier: PhysicsUnitsVerifier, reference: str, answer: str) -> Status:
    return verifier.verify(Problem("p", "?", reference), rf"\boxed{{{answer}}}").status


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("9.8 m/s^2", "980 cm/s^2"),
        ("9.8 m/s^2", "35.28 km/h/s"),
        ("9.8 m/s^2", "9.75 m/s^2"),
        ("4.2 kJ", "1 kcal"),
        ("1.60e-19 C", "1.602e-19 C"),
        ("13.6 eV", r"2.18 \times 10^{-18} J"),
        ("25 µm", r"0.025\,\mathrm{mm}"),
        ("330 ohm", r"0.33 k\Omega"),
        ("90 °", "1.5708 rad"),
        ("25 %", "0.25"),
        ("0.5", "50 %"),
        ("20.0 degC", "293.15 K"),
        ("0 N", "0 kN"),
        ("0 degC", "32 degF"),
        ("50 km/h", "13.9 meters/second"),
        ("8.31 J/(mol K)", r"8.314\ \frac{J}{mol K}"),
    ],
)
def test_equal(verifier: PhysicsUnitsVerifier, reference: str, answer: str) -> None:
    assert status(verifier, reference, answer) is Status.CORRECT


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("9.8 m/s^2", "9.86 m/s^2"),
        ("9.81 m/s^2", "9.8 m/s^2"),
        ("5 m", "5.4 m"),
        ("5 m", "5 cm"),
        ("5 m", "5"),
        ("5", "5 m"),
        ("5 N", "5 J"),
        ("5 m", "-5 m"),
        ("20.0 degC", "20.0 K"),
        ("0 N", "0.001 N"),
    ],
)
def test_different(verifier: PhysicsUnitsVerifier, reference: str, answer: str) -> None:
    assert status(verifier, reference, answer) is Status.INCORRECT


@pytest.mark.parametrize("text", ["5 wombats", "5 os.system", "5 m,", "five"])
def test_unreadable(verifier: PhysicsUnitsVerifier, text: str) -> None:
    assert status(verifier, "5 m", text) in {Status.UNPARSED, Status.INCORRECT}
    assert status(verifier, text, "5 m") is Status.BAD_REFERENCE


def test_a_temperature_s_own_scale_has_no_products(verifier: PhysicsUnitsVerifier) -> None:
    assert status(verifier, "5 m K", "5 m °C") is Status.UNPARSED


def test_what_no_float_holds_is_unreadable(verifier: PhysicsUnitsVerifier) -> None:
    assert status(verifier, "5 m^12", "1e200 Ym^12") is Status.UNPARSED


@pytest.mark.parametrize(("share", "accepted"), [(0.01, "5.05 m"), (0.1, "5.5 m")])
def test_no_answer_is_further_off_than_its_share(share: float, accepted: str) -> None:
    verifier = PhysicsUnitsVerifier(VerifierParams(max_relative=share))
    assert status(verifier, "5 m", accepted) is Status.CORRECT
    assert status(verifier, "5 m", accepted.replace("5 m", "6 m")) is Status.INCORRECT
