"""Types of the keys that studies and comparisons of searches add to those of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

Numbers = tuple[int, ...]


def once_each(what: str) -> AfterValidator:
    """Return a validator that refuses numbers of which one is given twice; `what` names them."""

    def check(numbers: Numbers) -> Numbers:
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"a {what} is given twice")
        return numbers

    return AfterValidator(check)


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
"""The name of an arm or a search, which is also that of a folder."""
Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), once_each("seed")]
