"""What the executor may be told."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from astro.plugins.params import Params
from astro.rehearsal.rehearsable import RehearsalScale, capped


class ExecutorParams(Params):
    """Params of executor `ray`. The resources are those of one worker, in Ray's own words."""

    address: Annotated[
        str,
        Field(
            pattern=r"^(local|auto|[^\s/]+:\d+)$",
            description="`local` starts Ray here, `auto` joins the cluster of this machine, "
            "`host:port` that of another",
        ),
    ] = "local"
    workers: (
        Annotated[int, Field(ge=1, description="by default as many as the cluster holds")] | None
    ) = None
    num_cpus: Annotated[float, Field(gt=0, description="cores a worker")] = 1
    num_gpus: Annotated[float, Field(ge=0, description="GPUs a worker")] = 0
    resources: dict[str, float] = Field(
        default_factory=dict, description="custom resources a worker"
    )
    env: dict[str, str] = Field(
        default_factory=dict, description="environment variables of the workers"
    )
    concurrency: Annotated[int, Field(ge=1, description="problems at once on a worker")] = 64
    restarts: Annotated[int, Field(ge=0, description="lost workers that are replaced, in all")] = 8
    start_seconds: Annotated[
        float, Field(gt=0, description="how long to wait while no worker is there")
    ] = 600

    def demand(self) -> dict[str, float]:
        """What one worker takes up of a node, by Ray's names."""
        needs = {"CPU": self.num_cpus, "GPU": self.num_gpus, **self.resources}
        return {name: need for name, need in needs.items() if need}

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """One worker, on this machine."""
        small = capped(self, workers=1, num_cpus=1, num_gpus=int(scale.gpu), concurrency=8)
        return {**small, "address": "local"}
