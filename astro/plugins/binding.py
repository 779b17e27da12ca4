"""Parts of a config that travel: a plugin by name, and the bounds of what it may spend."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from astro.plugins.params import Params


class Binding(Params):
    """A plugin by name, and its params. Can be sent anywhere and built there."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)

    def with_params(self, **params: Any) -> Binding:
        return self.model_copy(update={"params": {**self.params, **params}})


class VerifierBinding(Binding):
    """A verifier and the bounds of the pool of processes it runs in."""

    workers: Annotated[int, Field(ge=1, description="worker processes")] = 1
    timeout: Annotated[float, Field(gt=0, description="seconds a verdict may take")] = 1.0
    memory_mb: Annotated[int, Field(ge=64, description="MiB a worker may use")] = 512
    max_faults: Annotated[
        float, Field(ge=0, le=1, description="share of verdicts that may be faults")
    ] = 0.2
