"""What a user may set. Imports no engine."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from astro.params import Params

Aggregation = Literal["token_mean", "sequence_mean", "constant_length"]


class GrpoParams(Params):
    """Params of `grpo`. By default the paper's variant: no KL term, no division by the std."""

    steps: Annotated[int, Field(ge=1, description="batches of rollouts, each trained on")] = 40
    prompts_per_step: Annotated[int, Field(ge=1, description="groups in a batch")] = 16
    group_size: Annotated[int, Field(ge=2, description="responses to one prompt")] = 8
    max_tokens: Annotated[int, Field(ge=1, description="tokens in a response")] = 256
    temperature: Annotated[float, Field(gt=0, description="of the sampled responses")] = 1.0
    max_refills: Annotated[int, Field(ge=0, description="rounds that replace silent groups")] = 2
    max_faults: Annotated[
        float, Field(ge=0, le=1, description="share of verdicts that may be faults, not judgements")
    ] = 0.2

    filter_samples: Annotated[int, Field(ge=0, description="per prompt; 0: no filter")] = 8
    filter_prompts: Annotated[int, Field(ge=1, description="prompts measured at most")] = 1024
    min_pass_rate: Annotated[float, Field(ge=0, le=1, description="of the start model")] = 0.01
    max_pass_rate: Annotated[float, Field(ge=0, le=1, description="of the start model")] = 0.75

    normalize_std: Annotated[bool, Field(description="divide advantages by the group's std")] = (
        False
    )
    aggregation: Annotated[Aggregation, Field(description="how token losses are averaged")] = (
        "sequence_mean"
    )
    clip_low: Annotated[float, Field(ge=0, le=1, description="ratio >= 1 - clip_low")] = 0.2
    clip_high: Annotated[float, Field(ge=0, description="ratio <= 1 + clip_high")] = 0.28
    kl: Annotated[float, Field(ge=0, description="weight of KL to the start model")] = 0.0
    entropy_bonus: Annotated[float, Field(ge=0, description="weight of the mean entropy")] = 0.0
    mask_truncated: Annotated[bool, Field(description="no loss on cut responses")] = False
    old_logprobs: Annotated[
        Literal["recompute", "sampler"], Field(description="the ratio's denominator")
    ] = "recompute"

    learning_rate: Annotated[float, Field(gt=0)] = 1e-6
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (
        0.9,
        0.999,
    )
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    epochs_per_batch: Annotated[int, Field(ge=1, description="passes over a batch")] = 1
    minibatch: Annotated[
        int | None, Field(ge=1, description="sequences per optimiser step; none: the whole batch")
    ] = None
    micro_batch_tokens: Annotated[
        int, Field(ge=1, description="padded tokens per forward pass; bounds memory")
    ] = 8_192

    save_every: Annotated[int, Field(ge=1, description="steps between checkpoints")] = 5
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Field(description="of the forward pass (weights stay float32); auto: bfloat16 on a GPU"),
    ] = "auto"
    device: Annotated[str, Field(description="auto, cpu, cuda, cuda:1 ...")] = "auto"
    threads: Annotated[int | None, Field(ge=1, description="CPU threads of torch")] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min_pass_rate > self.max_pass_rate:
            raise ValueError("min_pass_rate is above max_pass_rate")
        if self.old_logprobs == "sampler" and self.temperature != 1.0:
            raise ValueError("old_logprobs: sampler needs temperature 1, at which they are given")
        return self
