"""Parameters of the verifier: where an answer may stand, and which conventions apply."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from astro.plugins import params

Optional = Literal["percent", "unit", "degrees", "name"]


class SympyParams(params.Params):
    """Parameters of `sympy`. docs/verifier.md explains each convention."""

    final_line: Annotated[
        bool,
        Field(description=r"accept `answer is x`, `#### x` or `A: x` if there is no \boxed{}"),
    ] = True
    bare: Annotated[
        bool, Field(description="accept a short response that consists of an answer only")
    ] = True
    last_number: Annotated[
        bool,
        Field(
            description="accept the last number of a response that marks no answer, for base "
            "models that do not know the format yet"
        ),
    ] = False
    optional: Annotated[
        tuple[Optional, ...],
        Field(
            description="marks that reference or answer may omit, as in `50\\%`, `5 cm`, "
            "`90^\\circ` and `x=5`"
        ),
    ] = ("percent", "unit", "degrees", "name")
    solved: Annotated[
        bool,
        Field(
            description="require an answer to name the value, so that `2x + 1 = 11` does not "
            "answer a reference such as `x = 5`, although it has the same solution"
        ),
    ] = True
    convert_units: Annotated[
        bool,
        Field(description="convert units, so that 5 m equals 500 cm; else units must be the same"),
    ] = True
    ordered_lists: Annotated[
        bool,
        Field(description="compare lists such as `1, 2` in order, as tuples such as `(1, 2)` are"),
    ] = False
    words: Annotated[
        bool, Field(description="compare names, choices, times of day and the like as words")
    ] = True
    rounded_digits: Annotated[
        int,
        Field(
            ge=1,
            description="significant digits from which a decimal reference counts as rounded, so "
            "that the exact value is accepted",
        ),
    ] = 3
    float_digits: Annotated[
        int,
        Field(
            ge=6,
            description="significant digits from which a decimal answer counts as rounded, so "
            "that it matches an exact reference",
        ),
    ] = 12
