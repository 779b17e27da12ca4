"""The memory that a reward model takes, foreseen from its config."""

from __future__ import annotations

from dataclasses import replace

import torch
from transformers import AutoModel

from astro.planning.memory import PeakMemory, Workload
from astro.plugins import models
from astro_hf.devices import compute_dtype, pick_device
from astro_hf.memory import WEIGHTS, Meter, outlined, stored
from astro_reward_model import backend as _backend  # noqa: F401 - what a run imports counts
from astro_reward_model.params import RewardModelParams


def scoring(params: RewardModelParams, work: Workload) -> PeakMemory:
    """The peak of a batch of the longest responses; its head takes next to nothing."""
    device = pick_device(params.device)
    dtype, meter = compute_dtype(params.dtype, device), Meter(device)
    name, width = models.checkpoint(work.model), work.prompt + work.response
    rows = max(1, params.batch_tokens // width)
    with outlined(name, dtype=dtype, build=AutoModel.from_config) as model, torch.no_grad():
        meter.hold(WEIGHTS, stored(model))
        ids = torch.zeros((rows, width), dtype=torch.long)
        with meter:
            model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    return replace(meter.result(), what=f"{rows} sequences of {width} tokens")
