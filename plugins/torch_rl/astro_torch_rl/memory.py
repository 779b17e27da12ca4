"""The memory that an RL training takes beside its policy, foreseen from the config of a model."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from astro.planning.memory import PeakMemory, Workload
from astro.plugins import models
from astro_hf import adapters
from astro_hf.checkpoints import context_limit
from astro_hf.devices import compute_dtype, pick_device
from astro_hf.memory import (
    OPTIMIZER,
    WEIGHTS,
    Adam,
    Meter,
    backward,
    outlined,
    passes,
    stored,
)
from astro_torch_rl import trainer as _trainer  # noqa: F401 - what a run imports counts
from astro_torch_rl.batches import TokenBatch
from astro_torch_rl.device import checkpoint_gradients
from astro_torch_rl.params import PpoParams, TrainParams
from astro_torch_rl.scoring import score

_UPDATE = 2
"""Tensors of a parameter's size that an update of torch's AdamW makes for a moment."""


def learning(params: TrainParams, work: Workload) -> PeakMemory:
    """The peak of the updates on the longest responses.

    A model to which the policy is compared and a critic are further models. Between updates, merged
    adapters and checkpoints take copies of the weights.
    """
    name = models.checkpoint(work.model)
    device = pick_device(params.device)
    dtype = compute_dtype(params.dtype, device)
    meter = Meter(device)

    with outlined(
        name,
        dtype=torch.float32,
        attention=params.attn_implementation,
        change=partial(adapters.outline, lora=params.lora),
    ) as model:
        if params.gradient_checkpointing:
            checkpoint_gradients(model)
        compared = bool(params.kl)
        weights = meter.hold(WEIGHTS, stored(model), copies=1 + compared)
        optimizer = Adam(model.parameters(), _UPDATE, meter)
        if isinstance(params, PpoParams):
            meter.hold(WEIGHTS, stored(model.base_model))
            trained = sum(p.nbytes for p in model.base_model.parameters() if p.requires_grad)
            meter.hold_bytes(OPTIMIZER, 2 * trained)
        limit = context_limit(model) or work.prompt + work.response
        response = max(1, min(work.response, limit - work.prompt))
        width = work.prompt + response
        samples = params.prompts_per_step * params.group_size
        samples = min(samples, params.minibatch or samples)
        rows = min(samples, max(1, params.micro_batch_tokens // width))
        batch = TokenBatch(
            torch.zeros((rows, width), dtype=torch.long),
            torch.ones((rows, response), dtype=torch.bool),
        )

        def run() -> None:
            scores = score(
                model,
                batch,
                temperature=params.temperature,
                dtype=dtype,
                entropy_grad=params.entropy_bonus > 0,
            )
            backward(scores.logprobs.sum() + params.entropy_bonus * scores.entropy.sum(), meter)

        with meter:
            passes(optimizer, run, -(-samples // rows), meter)
        meter.passing("copies of the weights", weights * (2 if params.lora else 1))
    return replace(meter.result(), what=f"{rows} sequences of {width} tokens")
