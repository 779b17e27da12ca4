"""Params of the verifier. Imports no engine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from astro.plugins.params import Params


class VerifierParams(Params):
    """Params of verifier `physics_units`."""

    max_relative: Annotated[
        float, Field(ge=0, lt=1, description="largest relative error of an accepted answer")
    ] = 0.01
