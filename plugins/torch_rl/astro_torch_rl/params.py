"""Params of the RL trainers. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import OPERATIONAL, Params
from astro.rehearsal.rehearsable import RehearsalScale, capped
from astro_hf import params as shared

Aggregation = Literal["token_mean", "sequence_mean", "constant_length"]
LossAggregation = Annotated[Aggregation, Field(description="how token losses are averaged")]
EstimatorOfKL = Annotated[
    shared.KLEstimator, Field(description="Schulman's estimator of KL; k1 only in the reward")
]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {
        **shared.PAPER_RL,
        "filter_samples": 16,
        "filter_prompts": 100_000,
        "min_pass_rate": 0.01,
        "max_pass_rate": 0.75,
    }
}
"""Section 5 of the ASTRO paper, which does not give the number of filter samples."""

_FEWEST = 512
"""Tokens of a micro-batch to which a plan may go down."""


class Overlong(Params):
    """DAPO's soft punishment of long responses (arXiv 2503.14476, equation 13)."""

    buffer: Annotated[
        int, Field(ge=1, description="tokens before max_tokens over which the punishment grows")
    ]
    penalty: Annotated[
        float, Field(gt=0, description="taken off the reward of a response of max_tokens tokens")
    ] = 1.0


class TrainParams(Params):
    """Params that `grpo` and `ppo` share."""

    steps: shared.Steps = 40
    prompts_per_step: shared.PromptsPerStep = 16
    group_size: shared.GroupSize = 8
    max_tokens: shared.MaxTokens = 256
    temperature: shared.Temperature = 1.0
    max_silent_steps: Annotated[
        int, Field(ge=1, description="consecutive steps with equal rewards that end the training")
    ] = 5

    filter_samples: Annotated[int, Field(ge=0, description="samples per prompt; 0: none")] = 8
    filter_prompts: Annotated[int, Field(ge=1, description="most prompts to measure")] = 1024
    min_pass_rate: Annotated[float, Field(ge=0, le=1, description="lowest, of the start model")] = (
        0.01
    )
    max_pass_rate: Annotated[
        float, Field(ge=0, le=1, description="highest, of the start model")
    ] = 0.75

    aggregation: LossAggregation = "sequence_mean"
    clip_low: shared.ClipLow = 0.2
    clip_high: shared.ClipHigh = 0.28
    kl: shared.KLWeight = 0.0
    kl_estimator: EstimatorOfKL = "k3"
    kl_in: shared.KLPlace = "loss"
    entropy_bonus: Annotated[float, Field(ge=0, description="weight of the mean entropy")] = 0.0
    mask_truncated: Annotated[bool, Field(description="no loss on truncated responses")] = False
    overlong: Annotated[
        Overlong | None, Field(description="soft punishment of long responses; none: no punishment")
    ] = None
    old_logprobs: Annotated[
        Literal["recompute", "sampler"], Field(description="source of the ratio's denominator")
    ] = "recompute"
    importance_cap: Annotated[
        float | None,
        Field(gt=0, description="token weights are min(trainer / sampler probability, this cap)"),
    ] = None

    learning_rate: shared.Rate = 1e-6
    schedule: shared.Schedule = "constant"
    warmup_steps: Annotated[
        int, Field(ge=0, description="steps in which the learning rate rises")
    ] = 0
    betas: shared.Betas = (0.9, 0.999)
    weight_decay: shared.WeightDecay = 0.0
    max_grad_norm: shared.MaxGradNorm = 1.0
    epochs_per_batch: shared.EpochsPerBatch = 1
    minibatch: Annotated[
        int | None, Field(ge=1, description="sequences per optimizer step; none: the whole batch")
    ] = None
    micro_batch_tokens: Annotated[
        int, OPERATIONAL, Field(ge=1, description="padded tokens per forward pass; bounds memory")
    ] = 4_096
    gradient_checkpointing: shared.GradientCheckpointing = False
    attn_implementation: shared.Attention = "auto"
    lora: Annotated[shared.Lora | None, Field(description="none: all weights are trained")] = None

    save_every: Annotated[
        int, OPERATIONAL, Field(ge=1, description="steps between checkpoints")
    ] = 5
    wandb: Annotated[
        shared.Wandb | None, OPERATIONAL, Field(description="also log to Weights & Biases")
    ] = None
    dtype: Annotated[
        shared.Dtype,
        Field(description="of the forward pass; weights stay float32; auto: bfloat16 on a GPU"),
    ] = "auto"
    device: shared.DeviceName = "auto"
    threads: shared.Threads = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min_pass_rate > self.max_pass_rate:
            raise ValueError("min_pass_rate is above max_pass_rate")
        if self.old_logprobs == "sampler" and self.temperature != 1.0:
            raise ValueError(
                "old_logprobs: sampler needs temperature 1, as samplers report logprobs at 1"
            )
        if self.importance_cap and self.temperature != 1.0:
            raise ValueError("importance_cap needs temperature 1, as samplers report logprobs at 1")
        if self.importance_cap and self.old_logprobs == "sampler":
            raise ValueError("importance_cap needs old_logprobs: recompute")
        shared.check_kl(self.kl, self.kl_in, self.kl_estimator)
        return self

    def cost(self) -> StageCost:
        """Return the cost of a training; `grpo` adds that some groups are replaced."""
        prompts = self.steps * self.prompts_per_step
        rollouts = RequestCost("rollouts", prompts, self.group_size, self.max_tokens, trained=True)
        if not self.filter_samples:
            return StageCost((rollouts,))
        tried = RequestCost(
            "prompt filter", self.filter_prompts, self.filter_samples, self.max_tokens
        )
        return StageCost((tried, rollouts))

    def lighter(self) -> Iterator[dict[str, Any]]:
        """Yield changes that save memory: the first ones train the same model."""
        yield {"gradient_checkpointing": True}
        tokens = self.micro_batch_tokens
        while tokens > _FEWEST:
            tokens //= 2
            yield {"micro_batch_tokens": tokens}
        if self.lora is None:
            yield {"lora": {}}

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Return the changed params: two steps, few short responses, no bounds on pass rates."""
        return {
            **capped(
                self,
                steps=2,
                prompts_per_step=2,
                group_size=4,
                max_tokens=scale.response_tokens,
                filter_samples=4,
                filter_prompts=scale.problems,
                warmup_steps=1,
                epochs_per_batch=1,
                save_every=1,
            ),
            "min_pass_rate": 0.0,
            "max_pass_rate": 1.0,
            "minibatch": None,
            "wandb": None,
        }


class GrpoParams(TrainParams):
    """Params of `grpo`. The default is the variant of the ASTRO paper; see `grpo.py`."""

    preset: shared.PaperPreset = None
    group_size: shared.ComparedGroupSize = 8
    max_refills: Annotated[int, Field(ge=0, description="rounds of replacing silent groups")] = 2
    normalize_std: shared.NormalizeStd = False
    leave_one_out: shared.LeaveOneOut = False

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return shared.with_preset(values, PRESETS)

    def cost(self) -> StageCost:
        """Return the cost of a training in which silent groups are replaced."""
        *tried, rollouts = super().cost().requests
        return StageCost((*tried, replace(rollouts, renewed=self.max_refills > 0)))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Return those of `TrainParams` with at most one round of replacements."""
        return {**super().rehearsed(scale), **capped(self, max_refills=1)}


class PpoParams(TrainParams):
    """Params of `ppo`."""

    prompts_per_step: shared.PromptsPerStep = 128
    group_size: shared.GroupSize = 1
    aggregation: LossAggregation = "token_mean"
    clip_high: shared.ClipHigh = 0.2
    kl_estimator: EstimatorOfKL = "k1"
    kl_in: shared.KLPlace = "reward"
    gamma: shared.Gamma = 1.0
    gae_lambda: shared.GaeLambda = 1.0
    normalize_advantages: Annotated[
        bool, Field(description="to mean 0 and variance 1 over the tokens of a batch")
    ] = True
    value_clip: Annotated[
        float | None,
        Field(gt=0, description="largest change of a value in the loss; none: no limit"),
    ] = 0.5
    critic_learning_rate: shared.Rate = 1e-5
    value_pretraining_steps: shared.PretrainingSteps = 0

    @model_validator(mode="after")
    def _some_steps_train_the_policy(self) -> Self:
        if self.value_pretraining_steps >= self.steps:
            raise ValueError("value_pretraining_steps leaves none of the steps to the policy")
        return self

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Return those of `TrainParams` with at most one step of value pretraining."""
        return {**super().rehearsed(scale), **capped(self, value_pretraining_steps=1)}
