"""What the verifier may be told: where an answer may stand, and which conventions hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from astro.plugins import params

Optional = Literal["percent", "unit", "degrees", "name"]


class Params(params.Params):
    """Params of `sympy`. The defaults are those of docs/verifier.md."""

    final_line: Annotated[
        bool, Field(description=r"read `answer is x`, `#### x` or `A: x` where no \boxed{} is")
    ] = True
    bare: Annotated[
        bool, Field(description="read a short response that is nothing but an answer as one")
    ] = True
    optional: Annotated[
        tuple[Optional, ...],
        Field(description="what one side may leave out: `50\\%`, `5 cm`, `90^\\circ`, `x=5`"),
    ] = ("percent", "unit", "degrees", "name")
    convert_units: Annotated[
        bool, Field(description="whether 5 m are 500 cm, or units have to be the same")
    ] = True
    ordered_lists: Annotated[
        bool,
        Field(description="whether the order of `1, 2` counts, as that of `(1, 2)` does"),
    ] = False
    words: Annotated[
        bool, Field(description="whether names, choices, times of day ... are compared as words")
    ] = True
    rounded_digits: Annotated[
        int, Field(ge=1, description="significant digits of a decimal that may be a rounded value")
    ] = 3
    float_digits: Annotated[
        int, Field(ge=6, description="significant digits of an answer that may be a rounded value")
    ] = 12
