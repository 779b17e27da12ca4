"""Limits on the search of one problem."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from astro.plugins.params import Params


class Budget(Params):
    """Limits on one program. A search that reaches one returns its best tree so far.

    `requests` counts requests to all models, `tokens` the tokens that all of them generate, and
    `seconds` the time since the program started, which depends on the machine. `tokens` is never
    exceeded: only as many samples are asked for at a time as it can pay for, and the last one may
    be no longer than what is left.
    """

    requests: Annotated[int, Field(ge=1)] | None = None
    tokens: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None
