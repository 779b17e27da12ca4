"""What one problem may spend."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from astro.plugins.params import Params


class Budget(Params):
    """What one problem's search may spend. At the end it returns its best tree so far."""

    requests: Annotated[int, Field(ge=1)] | None = None
    tokens: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None
