"""Params of the backend `reward_model`. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from astro.plugins.params import OPERATIONAL, Params
from astro_hf.params import DeviceName, Dtype, RewardFamily, StepSeparator, Threads


class RewardModelParams(Params):
    """Params of the backend `reward_model`."""

    model: Annotated[str, Field(description="checkpoint folder or hub name")]
    family: RewardFamily = "auto"
    separator: StepSeparator = "\n"
    device: DeviceName = "auto"
    dtype: Annotated[Dtype, Field(description="of the weights; auto: the checkpoint's")] = "auto"
    threads: Threads = None
    batch_tokens: Annotated[
        int, OPERATIONAL, Field(ge=1, description="tokens in a forward pass, with padding")
    ] = 16_384
    max_length: (
        Annotated[int, Field(ge=1, description="longest input; default is the model's limit")]
        | None
    ) = None

    def lighter(self) -> Iterator[dict[str, Any]]:
        """Yield changes that save memory: smaller batches, and half the weights."""
        yield from ({"batch_tokens": n} for n in (4096, 1024) if n < self.batch_tokens)
        yield {"dtype": "bfloat16"}
