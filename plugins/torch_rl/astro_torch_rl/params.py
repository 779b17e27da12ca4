"""What a user may set. Imports no engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Params
from astro.rehearsal.rehearsable import RehearsalScale, capped

Aggregation = Literal["token_mean", "sequence_mean", "constant_length"]
KlEstimator = Literal["k1", "k2", "k3"]
Schedule = Literal["constant", "linear", "cosine"]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {
        "prompts_per_step": 128,
        "group_size": 4,
        "max_tokens": 15_360,
        "filter_samples": 16,
        "filter_prompts": 100_000,
        "min_pass_rate": 0.01,
        "max_pass_rate": 0.75,
        "normalize_std": False,
        "kl": 0.0,
    }
}
"""Section 5 of the ASTRO paper. Its batch, learning rate and filter samples are not public."""


class Lora(Params):
    """Low-rank adapters (arXiv 2106.09685), trained instead of the weights."""

    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[int, Field(ge=1, description="the update is scaled by alpha / rank")] = 32
    targets: Annotated[str | list[str], Field(description="names of layers, or all-linear")] = (
        "all-linear"
    )


class Wandb(Params):
    """Where metrics go beside the run's own files."""

    project: str
    name: str | None = None
    mode: Literal["online", "offline"] = "online"


class TrainParams(Params):
    """What `grpo` and `ppo` share."""

    steps: Annotated[int, Field(ge=1, description="batches of rollouts, each trained on")] = 40
    prompts_per_step: Annotated[int, Field(ge=1, description="groups in a batch")] = 16
    group_size: Annotated[int, Field(ge=1, description="responses to one prompt")] = 8
    max_tokens: Annotated[int, Field(ge=1, description="tokens in a response")] = 256
    temperature: Annotated[float, Field(gt=0, description="of the sampled responses")] = 1.0
    max_silent_steps: Annotated[
        int, Field(ge=1, description="steps in a row without two different rewards end the run")
    ] = 5

    filter_samples: Annotated[int, Field(ge=0, description="per prompt; 0: no filter")] = 8
    filter_prompts: Annotated[int, Field(ge=1, description="prompts measured at most")] = 1024
    min_pass_rate: Annotated[float, Field(ge=0, le=1, description="of the start model")] = 0.01
    max_pass_rate: Annotated[float, Field(ge=0, le=1, description="of the start model")] = 0.75

    aggregation: Annotated[Aggregation, Field(description="how token losses are averaged")] = (
        "sequence_mean"
    )
    clip_low: Annotated[float, Field(ge=0, le=1, description="ratio >= 1 - clip_low")] = 0.2
    clip_high: Annotated[float, Field(ge=0, description="ratio <= 1 + clip_high")] = 0.28
    kl: Annotated[float, Field(ge=0, description="weight of KL to the start model")] = 0.0
    kl_estimator: Annotated[KlEstimator, Field(description="Schulman's; k1 in the reward only")] = (
        "k3"
    )
    kl_in: Annotated[
        Literal["loss", "reward"], Field(description="a term of the loss, or taken off the reward")
    ] = "loss"
    entropy_bonus: Annotated[float, Field(ge=0, description="weight of the mean entropy")] = 0.0
    mask_truncated: Annotated[bool, Field(description="no loss on cut responses")] = False
    old_logprobs: Annotated[
        Literal["recompute", "sampler"], Field(description="the ratio's denominator")
    ] = "recompute"
    importance_cap: Annotated[
        float | None,
        Field(gt=0, description="weigh tokens by trainer / sampler probability, at most this"),
    ] = None

    learning_rate: Annotated[float, Field(gt=0)] = 1e-6
    schedule: Schedule = "constant"
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
    ] = 4_096
    gradient_checkpointing: Annotated[bool, Field(description="less memory, more time")] = False
    lora: Annotated[Lora | None, Field(description="adapters; none: all weights train")] = None

    save_every: Annotated[int, Field(ge=1, description="steps between checkpoints")] = 5
    wandb: Annotated[Wandb | None, Field(description="also log to Weights & Biases")] = None
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
        if self.importance_cap and self.temperature != 1.0:
            raise ValueError("importance_cap needs temperature 1, at which the sampler's are given")
        if self.importance_cap and self.old_logprobs == "sampler":
            raise ValueError("importance_cap needs old_logprobs: recompute")
        if self.kl and (self.kl_in, self.kl_estimator) == ("loss", "k1"):
            raise ValueError("kl_estimator: k1 in the loss has a gradient of mean 0; take k2 or k3")
        return self

    def cost(self) -> StageCost:
        """A training's, if no prompt has to be replaced."""
        prompts = self.steps * self.prompts_per_step
        rollouts = RequestCost("rollouts", prompts, self.group_size, self.max_tokens, trained=True)
        if not self.filter_samples:
            return StageCost((rollouts,))
        tried = RequestCost(
            "prompt filter", self.filter_prompts, self.filter_samples, self.max_tokens
        )
        return StageCost((tried, rollouts))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Two steps on a few short responses. No prompt is left out for its pass rate."""
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
    """Params of `grpo`. By default the paper's variant: no KL term, no division by the std."""

    preset: Annotated[
        Literal["paper"] | None, Field(description="defaults at the paper's scale")
    ] = None
    group_size: Annotated[int, Field(ge=2, description="responses to one prompt")] = 8
    max_refills: Annotated[int, Field(ge=0, description="rounds that replace silent groups")] = 2
    normalize_std: Annotated[bool, Field(description="divide advantages by the group's std")] = (
        False
    )
    leave_one_out: Annotated[
        bool, Field(description="baseline over the group's other responses (RLOO)")
    ] = False

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return {**PRESETS.get(str(values.get("preset")), {}), **values}

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """As `TrainParams`, and silent groups are replaced once."""
        return {**super().rehearsed(scale), **capped(self, max_refills=1)}


class PpoParams(TrainParams):
    """Params of `ppo`."""

    prompts_per_step: Annotated[int, Field(ge=1, description="groups in a batch")] = 128
    group_size: Annotated[int, Field(ge=1, description="responses to one prompt")] = 1
    aggregation: Annotated[Aggregation, Field(description="how token losses are averaged")] = (
        "token_mean"
    )
    clip_high: Annotated[float, Field(ge=0, description="ratio <= 1 + clip_high")] = 0.2
    kl_estimator: Annotated[KlEstimator, Field(description="Schulman's; k1 in the reward only")] = (
        "k1"
    )
    kl_in: Annotated[
        Literal["loss", "reward"], Field(description="a term of the loss, or taken off the reward")
    ] = "reward"
    gamma: Annotated[float, Field(ge=0, le=1, description="discount a token")] = 1.0
    gae_lambda: Annotated[float, Field(ge=0, le=1, description="1: returns less values")] = 1.0
    normalize_advantages: Annotated[
        bool, Field(description="over the batch's tokens, to mean 0 and variance 1")
    ] = True
    value_clip: Annotated[
        float | None, Field(gt=0, description="a value's move counts up to this; none: all of it")
    ] = 0.5
    critic_learning_rate: Annotated[float, Field(gt=0)] = 1e-5
    value_pretraining_steps: Annotated[
        int, Field(ge=0, description="of the steps, those that train the critic alone, at first")
    ] = 0

    @model_validator(mode="after")
    def _some_steps_train_the_policy(self) -> Self:
        if self.value_pretraining_steps >= self.steps:
            raise ValueError("value_pretraining_steps leaves none of the steps to the policy")
        return self

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """As `TrainParams`, and one step at most trains the critic alone."""
        return {**super().rehearsed(scale), **capped(self, value_pretraining_steps=1)}
