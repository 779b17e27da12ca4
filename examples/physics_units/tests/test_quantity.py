"""The grammar, by hand; and that no text breaks it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_physics_units.quantity import MAX_CHARACTERS, Quantity, Unreadable, read


@pytest.mark.parametrize(
    ("text", "value", "place"),
    [
        ("9.8", 9.8, 0.1),
        ("-3", -3, 1),
        ("+.5", 0.5, 0.1),
        ("1,500", 1500, 1),
        ("1.50e3", 1500, 10),
        ("6.02 x 10^23", 6.02e23, 1e21),
        (r"6.02 \times 10^{23}", 6.02e23, 1e21),
        ("6.02 \N{MULTIPLICATION SIGN} 10²³", 6.02e23, 1e21),
        ("E = 13.6", 13.6, 0.1),
        (r"v_{max} \approx 7.0", 7.0, 0.1),
    ],
)
def test_numbers_keep_their_last_place(text: str, value: float, place: float) -> None:
    quantity = read(text)
    assert (quantity.value, quantity.place) == (pytest.approx(value), pytest.approx(place))


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", {}),
        ("m/s^2", {"m": 1, "s": -2}),
        ("m s^-2", {"m": 1, "s": -2}),
        ("m s⁻²", {"m": 1, "s": -2}),
        ("m*s**-2", {"m": 1, "s": -2}),
        (r"\mathrm{m}\cdot\mathrm{s}^{-2}", {"m": 1, "s": -2}),
        (r"\text{ m/s}^2", {"m": 1, "s": -2}),
        (r"\frac{m}{s^2}", {"m": 1, "s": -2}),
        ("m2", {"m": 2}),
        ("m/s/s", {"m": 1, "s": -2}),
        ("J/(kg K)", {"J": 1, "kg": -1, "K": -1}),
        ("kg m^2/s^3 A", {"kg": 1, "m": 2, "s": -3, "A": 1}),
        ("/s", {"s": -1}),
        ("m m^-1", {}),
        (r"\mu m", {"µm": 1}),
        (r"\%", {"%": 1}),
        (r"^\circ C", {"°C": 1}),
        (r"^{\circ}\mathrm{C}", {"°C": 1}),
        ("°", {"°": 1}),
    ],
)
def test_units_are_powers_of_symbols(text: str, units: dict[str, int]) -> None:
    assert read(f"5 {text}").units == units


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m/s",
        "five m",
        "5 m/",
        "5 * m",
        "5 m *",
        "5 m // s",
        "5 (m",
        "5 m)",
        "5 ()",
        "5 ((((m))))",
        "5 m^99",
        "5 m^12 m",
        "5 m + 3 m",
        "5 6",
        "5 m or 6 m",
        "5 ± 1 m",
        "5 m^(2)",
        "5 __import__('os')",
        "5 m.real",
        "1e9999 m",
        "1e201",
        "9" * 31,
        "5 " + "m " * 60,
        "5 " + "a" * 30,
        "5" + " " * MAX_CHARACTERS,
        "5 \ud800",
    ],
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(Unreadable):
        read(text)
    assert time.perf_counter() - began < 0.2


@given(st.text(alphabet="0123456789.,-+eE x10^*/()mskg{}\\µ°² \n", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(read(text), Quantity)
    except Unreadable as error:
        assert str(error)
