"""What the verifier may be told: where an answer may stand, and which conventions hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from astro import params


class Params(params.Params):
    """Params of `sympy`. The defaults are those of docs/verifier.md."""

    final_line: Annotated[
        bool, Field(description=r"read `answer is x`, `#### x` or `A: x` where no \boxed{} is")
    ] = True
    bare: Annotated[
        bool, Field(description="read a short response that is nothing but an answer as one")
    ] = True
    rounded_digits: Annotated[
        int, Field(ge=1, description="significant digits that a decimal shows at least to be read as rounded")
    ] = 3
    float_digits: Annotated[
        int, Field(ge=6, description="significant digits from which an answer may be a rounded value of the reference")
    ] = 12
