"""Parameters of the executor."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Any

from pydantic import Field

from astro.planning.cost import StageCost
from astro.plugins.params import Params
from astro.plugins.secrets import SECRET
from astro.rehearsal.rehearsable import RehearsalScale, capped


class ExecutorParams(Params):
    """Parameters of executor `ray`. The resources are those of one worker, as Ray defines them."""

    address: Annotated[
        str,
        Field(
            pattern=r"^(local|auto|[^\s/]+:\d+)$",
            description="`local` starts Ray on this machine, `auto` joins the cluster that this "
            "machine belongs to, `host:port` joins another cluster",
        ),
    ] = "local"
    workers: (
        Annotated[int, Field(ge=1, description="number of workers; default: as many as fit")] | None
    ) = None
    num_cpus: Annotated[float, Field(gt=0, description="CPU cores per worker")] = 1
    num_gpus: Annotated[float, Field(ge=0, description="GPUs per worker")] = 0
    resources: dict[str, float] = Field(
        default_factory=dict, description="custom resources per worker"
    )
    env: Annotated[
        dict[str, str],
        SECRET,
        Field(description="environment variables of the workers; their values are secret"),
    ] = Field(default_factory=dict)
    concurrency: Annotated[
        int, Field(ge=1, le=100_000, description="problems that a worker handles at once")
    ] = 64
    restarts: Annotated[
        int, Field(ge=0, description="total number of lost workers that are replaced")
    ] = 8
    start_seconds: Annotated[
        float, Field(gt=0, description="seconds to wait while no worker is ready")
    ] = 600

    def demand(self) -> dict[str, float]:
        """Return the resources that one worker takes from a node, by Ray's names."""
        needs = {"CPU": self.num_cpus, "GPU": self.num_gpus, **self.resources}
        return {name: need for name, need in needs.items() if need}

    def cost(self) -> StageCost:
        """Return the number of GPUs of all workers, if their number is given."""
        return StageCost(gpus=ceil((self.workers or 0) * self.num_gpus))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Use one worker on this machine."""
        small = capped(self, workers=1, num_cpus=1, num_gpus=int(scale.gpu), concurrency=8)
        return {**small, "address": "local"}
