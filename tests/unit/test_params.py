"""Errors in params, in the words of a config file."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, Field, model_validator

from astro.errors import ConfigError
from astro.plugins.params import Params, validate, validate_options

Positive = Annotated[int, Field(ge=1)]


def even(number: int) -> int:
    if number % 2:
        raise ValueError("Odd numbers are not taken")
    return number


class Inner(Params):
    size: Positive = 1
    least: int = 0
    most: int = 9

    @model_validator(mode="after")
    def _together(self) -> Inner:
        if self.least > self.size:
            raise ValueError(f"size: {self.size} is below least")
        if self.least > self.most:
            raise ValueError("least is above most")
        return self


class Given(Params):
    inner: Inner = Inner()
    numbers: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1,)
    names: Annotated[list[str], Field(min_length=2)] = Field(["a", "b"])
    inners: Annotated[tuple[Inner, ...], Field(min_length=1)] = (Inner(),)
    shares: dict[str, Positive] = Field({})
    even_number: Annotated[int, AfterValidator(even)] = 2


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({"inner": 5}, ["inner: expected a mapping, got 5"]),
        ({"numbers": 5}, ["numbers: expected a list, got 5"]),
        ({"names": "ab"}, ["names: expected a list, got 'ab'"]),
        ({"shares": [1]}, ["shares: expected a mapping, got [1]"]),
        ({"numbers": []}, ["numbers: expected at least 1 item, got []"]),
        ({"names": ["a"]}, ["names: expected at least 2 items, got ['a']"]),
        ({"inners": [{"size": 0}]}, ["inners.0.size: expected greater than or equal to 1, got 0"]),
        ({"inner": {"least": 2}}, ["inner.size: 1 is below least"]),
        ({"inner": {"size": 20, "least": 10}}, ["inner: least is above most"]),
        ({"numbers": [0]}, ["numbers.0: expected greater than or equal to 1, got 0"]),
        ({"even_number": 3}, ["even_number: odd numbers are not taken, got 3"]),
        (
            {"inner": {"size": 0, "sise": 1}, "numbers": []},
            [
                "inner.size: expected greater than or equal to 1, got 0",
                "inner.sise: unknown key; did you mean size?",
                "numbers: expected at least 1 item, got []",
            ],
        ),
    ],
)
def test_each_problem_is_said_once(values: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        validate(Given, values)
    assert error.value.problems == problems


def test_options_are_named_as_they_are_typed() -> None:
    with pytest.raises(ConfigError) as error:
        validate_options(Given, {"even_number": 1, "inner": {"size": 0}})
    assert sorted(error.value.problems) == [
        "--even-number: odd numbers are not taken, got 1",
        "inner.size: expected greater than or equal to 1, got 0",
    ]
