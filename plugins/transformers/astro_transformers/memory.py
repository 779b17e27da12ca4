"""The memory that fine-tuning and sampling take, foreseen from the config of a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from astro.planning.memory import PeakMemory, Workload
from astro.plugins import models
from astro_hf import adapters
from astro_hf.checkpoints import context_limit, stored_dtype
from astro_hf.devices import free_memory, pick_device
from astro_hf.memory import (
    ACTIVATIONS,
    CACHE,
    GRADIENTS,
    LOGITS,
    WEIGHTS,
    Adam,
    Meter,
    backward,
    divided,
    outlined,
    passes,
    stored,
    times,
)
from astro_transformers import sft as _trainer  # noqa: F401 - what a run imports counts
from astro_transformers.attention import use_grouped_attention
from astro_transformers.cache import RowCache, contents
from astro_transformers.forward import TOKENS_PER_PASS, Forward
from astro_transformers.params import PolicyParams, SFTParams
from astro_transformers.sampler import sampled_at_once
from astro_transformers.token_loss import summed


def fine_tuning(params: SFTParams, work: Workload) -> PeakMemory:
    """The peak of a training on `batch_size` traces of the longest length.

    Afterwards the model is written, for which its weights are copied, and loaded again.
    """
    name, lora = models.checkpoint(work.model), params.lora
    own = stored_dtype(name) or torch.float32
    device = pick_device(params.device)
    meter = Meter(device)

    with outlined(
        name,
        dtype=own if lora else torch.float32,
        attention=params.attn_implementation,
        change=partial(adapters.outline, lora=lora),
    ) as model:
        weights = meter.hold(WEIGHTS, stored(model))
        limit = params.max_length or context_limit(model) or work.prompt + work.response
        response = max(1, min(work.response, limit - work.prompt))
        rows = -(-params.batch_size // params.processes)
        ids = torch.zeros((rows, work.prompt + response), dtype=torch.long)
        model.train()
        if params.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        bf16 = device.type != "cpu" if params.bf16 == "auto" else params.bf16
        optimizer = Adam(model.parameters(), 0, meter)
        if params.processes > 1 and not params.shard:  # DDP exchanges copies of the gradients
            meter.hold_bytes(GRADIENTS, sum(p.nbytes for p in optimizer.parameters))

        def run() -> None:
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = _loss(model, ids, response, meter)
            backward(loss, meter)

        with meter:
            passes(optimizer, run, params.gradient_accumulation, meter)
            optimizer.clear()
            if device.type == "cpu":
                copies = [torch.empty_like(p, dtype=own) for p in model.parameters()]
                copies.clear()
        meter.passing("the saved model", weights * own.itemsize // model.dtype.itemsize)
    found = replace(meter.result(), what=f"{len(ids)} sequences of {ids.shape[1]} tokens")
    sharded = params.shard and device.type != "cpu"
    return divided(found, params.processes) if sharded else times(found, params.processes)


def _loss(model: Any, ids: Tensor, response: int, meter: Meter) -> Tensor:
    """The loss as `token_loss` computes it, with a loss on all tokens of the response."""
    hidden = model.base_model(input_ids=ids, use_cache=False)[0][:, -response - 1 : -1]
    meter.label = LOGITS
    return summed(model.get_output_embeddings(), hidden.flatten(0, 1), ids[:, -response:].flatten())


@torch.no_grad()
def sampling(params: PolicyParams, work: Workload) -> PeakMemory:
    """The peak of a policy that decodes as many sequences as there is room for."""
    name = models.checkpoint(work.model)
    device = pick_device(params.device)
    dtype = _dtype(params.dtype) or stored_dtype(name) or torch.float32
    meter = Meter(device)
    with outlined(name, dtype=dtype, attention=params.attn_implementation) as model:
        use_grouped_attention(model)
        meter.hold(WEIGHTS, stored(model))
        limit = params.max_length or context_limit(model) or work.prompt + work.response
        width = min(work.prompt + work.response, limit)
        batch = _Batch(Forward(model), meter)
        given = params.kv_cache_mb
        room = free_memory(device) // 2 if given is None else given * 2**20
        tokens = room // params.processes // batch.token_bytes()
        cache = RowCache(limit=tokens - tokens // 4)
        rows = min(params.max_batch, cache.rows_of(width))
        at_once = max(1, min(rows, min(TOKENS_PER_PASS, tokens // 4) // work.prompt))
        with meter:
            batch.prefill(cache, rows, at_once, work.prompt)
            batch.grow(cache, rows, width)
    meter.hold_bytes(CACHE, params.prefix_cache_mb * 2**20)
    found = replace(meter.result(), what=f"{rows} sequences of {width} tokens")
    return times(found, params.processes)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Sequences that are decoded together, as `Decoder` does it."""

    forward: Forward
    meter: Meter

    def token_bytes(self) -> int:
        """The keys and values of one token."""
        past = DynamicCache()
        ids = torch.zeros((1, 1), dtype=torch.long)
        self.forward(ids, torch.ones_like(ids), torch.zeros_like(ids), past)
        return sum(keys.nbytes + values.nbytes for keys, values in contents(past))

    def prefill(self, cache: RowCache, rows: int, at_once: int, prompt: int) -> None:
        """Compute `rows` different prompts, some at a time."""
        for start in range(0, rows, at_once):
            ids = torch.zeros((min(at_once, rows - start), prompt), dtype=torch.long)
            past = DynamicCache()
            self.meter.label = ACTIVATIONS
            self.forward(ids, torch.ones_like(ids), torch.zeros_like(ids), past)
            self.meter.label = CACHE
            cache.insert(contents(past), torch.arange(len(ids)))

    def grow(self, cache: RowCache, rows: int, width: int) -> None:
        """Let them grow to `width` tokens, and sample their last ones."""
        cache.reserve(rows, cache.width)
        while cache.width < width - 1:
            cache.appended()
            cache.reserve(rows, cache.width)
        self.meter.label = ACTIVATIONS
        ids = torch.zeros((rows, 1), dtype=torch.long)
        mask = torch.ones((rows, cache.width + 1), dtype=torch.long)
        logits = self.forward(ids, mask, torch.zeros_like(ids), cache.past)
        self.meter.label = LOGITS
        probs = logits[: sampled_at_once(logits.shape[-1]), -1].float().double().softmax(-1)
        probs.cumsum(-1)


def _dtype(name: str) -> torch.dtype | None:
    found = getattr(torch, name, None)
    return found if isinstance(found, torch.dtype) else None
