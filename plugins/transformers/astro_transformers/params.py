"""Params of the policy and of the fine-tuner. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from astro.planning.cost import StageCost
from astro.plugins.binding import DEFAULT_PROMPT, Prompting
from astro.plugins.params import OPERATIONAL, ModelParams, Params
from astro.rehearsal.rehearsable import LessonPlan, RehearsalScale, capped
from astro_hf import params as shared

RANDOM_MODELS: Mapping[str, str] = {
    "llama": "random-llama",
    "qwen": "random-qwen2",
    "mistral": "random-mistral",
    "gpt2": "random-gpt2",
}
"""Part of a model's name -> the random model of its family that this plugin ships."""


class PolicyParams(ModelParams):
    """Params of the `transformers` policy."""

    device: shared.DeviceName = "auto"
    dtype: Annotated[
        shared.WeightDtype,
        Field(description="of the weights; auto: that of the stored ones"),
    ] = "auto"
    attn_implementation: shared.Attention = "auto"
    prompt: Prompting = DEFAULT_PROMPT
    max_batch: Annotated[int, OPERATIONAL, Field(ge=1, description="sequences decoded at once")] = (
        256
    )
    processes: Annotated[
        int,
        OPERATIONAL,
        Field(ge=1, description="copies of a small model, one process and thread per copy"),
    ] = 1
    kv_cache_mb: Annotated[
        int | None,
        OPERATIONAL,
        Field(ge=1, description="MiB of keys and values under way; none: half of the free memory"),
    ] = None
    prefix_cache_mb: Annotated[
        int,
        OPERATIONAL,
        Field(ge=0, description="MiB per process of keys and values kept for later prompts"),
    ] = 256
    max_length: Annotated[
        int | None, Field(ge=2, description="context limit in tokens; none: the model's")
    ] = None
    threads: shared.Threads = None

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Return the changed params: one process, and the dtype of a taught model."""
        return {**capped(self, processes=1), **({"dtype": "auto"} if scale.taught else {})}

    def lighter(self) -> Iterator[dict[str, Any]]:
        """Yield changes that save memory: fewer sequences at once, no store, half the weights."""
        yield from ({"max_batch": n} for n in (128, 64, 32, 16) if n < self.max_batch)
        yield {"prefix_cache_mb": 0}
        yield {"dtype": "bfloat16"}


class TunedLora(shared.Lora):
    """Low-rank adapters in fine-tuning; the model that is saved has merged weights."""

    keep: Annotated[
        bool, Field(description="also save the adapter, in peft's format, beside the model")
    ] = False
    quantize: Annotated[
        Literal["4bit"] | None,
        Field(description="4bit: QLoRA (arXiv 2305.14314) on a GPU, with bitsandbytes"),
    ] = None


class SFTParams(Params):
    """Params of the `transformers` fine-tuner."""

    epochs: Annotated[float, Field(gt=0, description="passes over the traces")] = 1.0
    learning_rate: shared.Rate = 1e-5
    batch_size: Annotated[
        int, Field(ge=1, description="sequences per pass, of all processes together")
    ] = 8
    processes: Annotated[
        int,
        OPERATIONAL,
        Field(ge=1, description="processes that share each batch, one per GPU or on the CPU"),
    ] = 1
    shard: Annotated[
        bool, Field(description="divide weights, gradients and moments among the processes (FSDP2)")
    ] = False
    gradient_accumulation: Annotated[int, Field(ge=1, description="passes per step")] = 1
    warmup_ratio: shared.WarmupRatio = 0.03
    weight_decay: shared.WeightDecay = 0.0
    adam_beta1: Annotated[shared.Decay, Field(description="decay rate of the first moment")] = 0.9
    adam_beta2: Annotated[shared.Decay, Field(description="decay rate of the second moment")] = (
        0.999
    )
    max_grad_norm: shared.MaxGradNorm = 1.0
    schedule: shared.Schedule = "linear"
    max_length: Annotated[
        int | None,
        Field(ge=2, description="longer traces are dropped; none: the model's context"),
    ] = None
    bf16: Annotated[
        Literal["auto"] | bool, Field(description="auto: on a GPU that supports it")
    ] = "auto"
    gradient_checkpointing: shared.GradientCheckpointing = False
    packing: Annotated[
        bool, Field(description="a batch is one row of sequences without padding between them")
    ] = False
    liger: Annotated[
        bool, Field(description="Liger's kernels for norms, rotations and activations on a GPU")
    ] = False
    lora: Annotated[TunedLora | None, Field(description="none: all weights are trained")] = None
    attn_implementation: shared.Attention = "auto"
    save_steps: Annotated[
        int, OPERATIONAL, Field(ge=1, description="steps between checkpoints")
    ] = 100
    device: shared.DeviceName = "auto"
    threads: shared.Threads = None

    @model_validator(mode="after")
    def _check_processes(self) -> Self:
        if self.processes > 1 and ":" in self.device:
            raise ValueError(f"device: {self.device} is one GPU, for {self.processes} processes")
        if self.shard and self.processes == 1:
            raise ValueError("shard: there is one process; set processes to the number of GPUs")
        if self.shard and self.lora and self.lora.quantize:
            raise ValueError("shard: weights in 4 bits cannot be divided; leave out quantize")
        return self

    def cost(self) -> StageCost:
        """Return the number of epochs, and that of GPUs."""
        return StageCost(epochs=self.epochs, gpus=0 if self.device == "cpu" else self.processes)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:  # noqa: ARG002
        """Return the changed params: two epochs of small batches, in one process."""
        changed = capped(self, batch_size=4, epochs=2, gradient_accumulation=1, processes=1)
        return {**changed, **({"shard": False} if self.shard else {})}

    def lighter(self) -> Iterator[dict[str, Any]]:
        """Yield changes that save memory: the first ones train the same model."""
        yield {"gradient_checkpointing": True}
        sequences, passes = self.batch_size, self.gradient_accumulation
        while sequences > self.processes and sequences % 2 == 0:
            sequences, passes = sequences // 2, passes * 2
            yield {"batch_size": sequences, "gradient_accumulation": passes}
        if self.lora is None:
            yield {"lora": {}}

    def lesson_plan(self, model: str) -> LessonPlan:
        """Return a random model of the family of `model`, and params that overfit it in seconds."""
        family = next((name for name in RANDOM_MODELS if name in model.lower()), "llama")
        params = {"epochs": 80, "learning_rate": 5e-3, "batch_size": 12, "device": "cpu"}
        return LessonPlan(RANDOM_MODELS[family], params)
