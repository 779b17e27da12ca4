"""Params of the trainers on OpenRLHF. Imports no engine.

Names are those of `grpo`, `ppo` and `transformers` where the meaning is the same. `flags.py` has
the OpenRLHF flags of each param.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import OPERATIONAL, Params
from astro.plugins.secrets import SECRET, SECRET_ENTRIES
from astro.rehearsal.rehearsable import Machine, RehearsalScale, capped
from astro_hf import params as shared
from astro_openrlhf import flags

UNBIASED_KL = "algo.kl.unbiased_gradient"
"""The flag that gives every KL estimator the same gradient in the loss."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {**shared.PAPER_RL, "dynamic_filtering": True},
    "standard": {
        "prompts_per_step": 1024,
        "group_size": 1,
        "minibatch": 128,
        "max_tokens": 1024,
        "kl": 0.01,
        "learning_rate": 5e-7,
        "critic_learning_rate": 9e-6,
    },
}
"""Values of presets, by name.

`paper` follows section 5 of the ASTRO paper, which gives neither batch size nor learning rate.
`standard` is PPO with the settings of OpenRLHF's examples.
"""

Value = bool | int | float | str
Positive = Annotated[int, Field(ge=1)]
LossAggregation = Annotated[
    Literal["token_mean", "sequence_mean"], Field(description="how token losses are averaged")
]


class Launch(Params):
    """Params of RL and fine-tuning: how OpenRLHF is started, and the settings that both have."""

    python: Annotated[
        str | Annotated[list[str], Field(min_length=1)],
        OPERATIONAL,
        Field(description="the interpreter with OpenRLHF, or a command that ends in one"),
    ] = ".venv-openrlhf/bin/python"
    env: Annotated[
        dict[str, str],
        OPERATIONAL,
        SECRET,
        Field(description="environment variables to set; their values are secret"),
    ] = Field(default_factory=dict)
    extra_flags: Annotated[
        dict[str, Value | list[Value]],
        SECRET_ENTRIES,
        Field(description="further flags of OpenRLHF, without dashes; true: a flag without value"),
    ] = Field(default_factory=dict)

    micro_batch_size: Annotated[
        Positive, Field(description="sequences per forward pass in training, per GPU")
    ] = 1
    learning_rate: Annotated[shared.Rate, Field(description="peak, of the policy")] = 1e-6
    schedule: Annotated[
        Literal["constant_with_warmup", "linear", "cosine", "cosine_with_min_lr"],
        Field(description="of the learning rate, as transformers names them"),
    ] = "cosine_with_min_lr"
    warmup_ratio: shared.WarmupRatio = 0.03
    betas: Annotated[tuple[shared.Decay, shared.Decay], Field(description="of Adam")] = (0.9, 0.95)
    weight_decay: Annotated[float, Field(ge=0, description="of Adam")] = 0.0
    max_grad_norm: shared.MaxGradNorm = 1.0
    zero_stage: Annotated[
        Literal[0, 1, 2, 3], Field(description="stage of DeepSpeed ZeRO; 3 also shards the weights")
    ] = 2
    adam_offload: Annotated[bool, Field(description="keep Adam's state in host memory")] = False
    gradient_checkpointing: shared.GradientCheckpointing = False
    packing: Annotated[bool, Field(description="no padding; needs flash attention")] = False
    attention: Annotated[str, Field(description="as transformers names it")] = "flash_attention_2"
    dtype: Annotated[Literal["bf16", "fp16"], Field(description="of the forward pass")] = "bf16"
    save_every: Annotated[
        Positive, OPERATIONAL, Field(description="updates between checkpoints")
    ] = 20
    keep: Annotated[Positive, OPERATIONAL, Field(description="checkpoints kept")] = 2

    @model_validator(mode="after")
    def _flags_are_said_once(self) -> Self:
        for name in self.extra_flags:
            if name.startswith("-"):
                raise ValueError(f"extra_flags: write {name.lstrip('-')}, without dashes")
            if name.startswith("ds.lora"):
                raise ValueError("extra_flags: ds.lora saves adapters, not a whole model")
            if owner := flags.owner(name):
                raise ValueError(f"extra_flags: {name} is set by {owner}")
        return self

    def interpreter(self) -> list[str]:
        """Return the command of OpenRLHF's Python in words; a path is made absolute."""
        first, *more = [self.python] if isinstance(self.python, str) else self.python
        return [str(Path(first).absolute()) if "/" in first else first, *more]

    def missing_here(self, machine: Machine) -> str:
        """Return a message if the interpreter is missing on this machine; otherwise empty."""
        return "" if machine.program(self.interpreter()[0]) else f"there is no {self.python}"


class RLParams(Launch):
    """Params that `openrlhf_grpo` and `openrlhf_ppo` share."""

    mode: Annotated[
        Literal["local", "job"],
        OPERATIONAL,
        Field(description="start Ray on this machine, or submit a job to a cluster"),
    ] = "local"
    address: Annotated[
        str, OPERATIONAL, Field(description="of the cluster's dashboard, for mode job")
    ] = "http://127.0.0.1:8265"

    steps: shared.Steps = 40
    prompts_per_step: shared.PromptsPerStep = 16
    group_size: shared.GroupSize = 8
    max_tokens: shared.MaxTokens = 256
    temperature: shared.Temperature = 1.0
    top_p: Annotated[float, Field(gt=0, le=1, description="of the sampled responses")] = 1.0

    clip_low: shared.ClipLow = 0.2
    clip_high: shared.ClipHigh = 0.28
    aggregation: LossAggregation = "token_mean"
    kl: shared.KLWeight = 0.0
    kl_estimator: Annotated[shared.KLEstimator, Field(description="Schulman's")] = "k1"
    kl_in: shared.KLPlace = "reward"
    entropy_bonus: Annotated[
        float | None, Field(ge=0, description="weight of the mean entropy; none: not measured")
    ] = 0.0
    epochs_per_batch: shared.EpochsPerBatch = 1
    minibatch: Annotated[
        Positive | None, Field(description="sequences per update; none: the whole batch")
    ] = None
    rollout_micro_batch_size: Annotated[
        Positive, Field(description="sequences per forward pass in scoring, per GPU")
    ] = 8

    nodes: Annotated[Positive, Field(description="machines")] = 1
    gpus_per_node: Annotated[Positive, Field(description="GPUs per machine for training")] = 8
    colocate: Annotated[
        bool, Field(description="whether vLLM and training share the same GPUs, in turns")
    ] = True
    sleep: Annotated[
        bool,
        OPERATIONAL,
        Field(description="with colocate: free the GPU memory of the side that waits"),
    ] = True
    engines: Annotated[
        Positive | None,
        Field(description="vLLM engines; none: as many as fit on the training GPUs"),
    ] = None
    tensor_parallel_size: Annotated[Positive, Field(description="GPUs per vLLM engine")] = 1
    gpu_memory_utilization: Annotated[
        float, OPERATIONAL, Field(gt=0, le=1, description="share of a GPU's memory for vLLM")
    ] = 0.6
    prefix_caching: Annotated[
        bool, OPERATIONAL, Field(description="share the cache of equal prompts")
    ] = True
    enforce_eager: Annotated[
        bool, OPERATIONAL, Field(description="run vLLM without CUDA graphs")
    ] = False
    sync_backend: Annotated[
        Literal["nccl", "gloo"], Field(description="how weights are sent to vLLM")
    ] = "nccl"

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return shared.with_preset(values, PRESETS)

    @model_validator(mode="after")
    def _batches_divide(self) -> Self:
        if self.samples % self.update_size:
            raise ValueError(
                f"minibatch {self.update_size} does not divide the batch of {self.samples}"
            )
        if self.update_size % (self.micro_batch_size * self.gpus):
            raise ValueError(
                f"an update of {self.update_size} sequences does not divide among {self.gpus} GPUs "
                f"in micro batches of {self.micro_batch_size}"
            )
        if self.colocate and self.engines is not None:
            raise ValueError("engines: with colocate there are as many as fit; leave it out")
        if self.gpus % self.tensor_parallel_size:
            raise ValueError(f"tensor_parallel_size does not divide {self.gpus} GPUs")
        return self

    @model_validator(mode="after")
    def _kl_has_a_gradient(self) -> Self:
        if not self.extra_flags.get(UNBIASED_KL):
            shared.check_kl(self.kl, self.kl_in, self.kl_estimator)
        return self

    @property
    def trains_critic(self) -> bool:
        """Whether a critic is trained beside the policy."""
        return False

    @property
    def samples(self) -> int:
        """The number of responses in a batch of rollouts."""
        return self.prompts_per_step * self.group_size

    @property
    def update_size(self) -> int:
        """The number of sequences per update."""
        return self.minibatch or self.samples

    @property
    def gpus(self) -> int:
        """The number of GPUs for training."""
        return self.nodes * self.gpus_per_node

    @property
    def vllm_engines(self) -> int:
        """The number of vLLM engines."""
        return self.engines or max(1, self.gpus // self.tensor_parallel_size)

    @property
    def sleeps(self) -> bool:
        """Whether vLLM and training free their GPU memory while the other one works."""
        return self.colocate and self.sleep

    @property
    def clip(self) -> tuple[float, float]:
        """`clip_low` and `clip_high`."""
        return self.clip_low, self.clip_high

    def cost(self) -> StageCost:
        """Return the cost of a training and its number of GPUs."""
        prompts = self.steps * self.prompts_per_step
        rollouts = RequestCost("rollouts", prompts, self.group_size, self.max_tokens, trained=True)
        apart = 0 if self.colocate else self.vllm_engines * self.tensor_parallel_size
        return StageCost((rollouts,), gpus=self.gpus + apart)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Return the changed params: two steps, few short responses, one GPU of this machine."""
        return {
            **capped(
                self,
                steps=2,
                prompts_per_step=2,
                group_size=4,
                max_tokens=scale.response_tokens,
                micro_batch_size=1,
                epochs_per_batch=1,
                nodes=1,
                gpus_per_node=1,
                tensor_parallel_size=1,
                save_every=1,
            ),
            "mode": "local",
            "engines": None,
            "minibatch": None,
        }


class GrpoParams(RLParams):
    """Params of `openrlhf_grpo`. By default no KL term and no division by the std, as in `grpo`."""

    preset: shared.PaperPreset = None
    group_size: shared.ComparedGroupSize = 8
    aggregation: LossAggregation = "sequence_mean"
    normalize_std: shared.NormalizeStd = False
    leave_one_out: shared.LeaveOneOut = False
    dynamic_filtering: Annotated[
        bool,
        Field(description="replace groups with equal rewards by groups of further prompts"),
    ] = False

    @model_validator(mode="after")
    def _one_baseline(self) -> Self:
        if self.normalize_std and self.leave_one_out:
            raise ValueError("OpenRLHF has no leave_one_out with normalize_std; choose one")
        return self

    @property
    def estimator(self) -> str:
        """OpenRLHF's name of the advantages."""
        if self.leave_one_out:
            return "rloo"
        return "group_norm" if self.normalize_std else "dr_grpo"

    def cost(self) -> StageCost:
        """Return the cost of a training, in which `dynamic_filtering` discards groups."""
        cost = super().cost()
        (rollouts,) = cost.requests
        return replace(cost, requests=(replace(rollouts, renewed=self.dynamic_filtering),))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Return those of `RLParams` without dynamic filtering, as there are few prompts."""
        return {**super().rehearsed(scale), "dynamic_filtering": False}


class PpoParams(RLParams):
    """Params of `openrlhf_ppo`. The critic starts from the policy's model."""

    preset: Annotated[
        Literal["standard"] | None, Field(description="settings of OpenRLHF's examples")
    ] = None
    group_size: shared.GroupSize = 1
    prompts_per_step: shared.PromptsPerStep = 128
    clip_high: shared.ClipHigh = 0.2
    gamma: shared.Gamma = 1.0
    gae_lambda: shared.GaeLambda = 1.0
    value_clip: Annotated[float, Field(gt=0, description="largest change of a value")] = 0.5
    critic_learning_rate: Annotated[shared.Rate, Field(description="peak")] = 9e-6
    value_pretraining_steps: shared.PretrainingSteps = 0

    @property
    def trains_critic(self) -> bool:
        """True: PPO trains one."""
        return True

    @property
    def estimator(self) -> str:
        """OpenRLHF's name of the advantages."""
        return "gae"

    @property
    def freezing_steps(self) -> int | None:
        """The last step, counted from 0, in which the policy is not trained."""
        return self.value_pretraining_steps - 1 if self.value_pretraining_steps else None

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Return those of `RLParams` with at most one step of value pretraining."""
        return {**super().rehearsed(scale), **capped(self, value_pretraining_steps=1)}


class SftParams(Launch):
    """Params of `openrlhf_sft`."""

    epochs: Annotated[float, Field(gt=0, description="passes over the traces")] = 1.0
    batch_size: Annotated[Positive, Field(description="sequences per update")] = 32
    learning_rate: Annotated[shared.Rate, Field(description="peak")] = 5e-6
    max_length: Annotated[int, Field(ge=8, description="tokens; longer traces are dropped")] = 8192
    gpus_per_node: Annotated[Positive, Field(description="GPUs per machine")] = 1
    hostfile: Annotated[
        str | None, Field(description="DeepSpeed's list of machines; none: this machine")
    ] = None
    nodes: Annotated[Positive, Field(description="number of machines in the hostfile")] = 1

    @model_validator(mode="after")
    def _batches_divide(self) -> Self:
        gpus = self.nodes * self.gpus_per_node
        if self.batch_size % (self.micro_batch_size * gpus):
            raise ValueError(
                f"a batch of {self.batch_size} does not divide among {gpus} GPUs in micro batches "
                f"of {self.micro_batch_size}"
            )
        if (self.nodes > 1) != (self.hostfile is not None):
            raise ValueError("hostfile: give one if nodes is above 1, and only then")
        return self

    def cost(self) -> StageCost:
        """Return the numbers of epochs and GPUs."""
        return StageCost(epochs=self.epochs, gpus=self.nodes * self.gpus_per_node)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:  # noqa: ARG002
        """Return the changed params: two epochs of small batches, on one GPU of this machine."""
        small = capped(
            self,
            epochs=2,
            batch_size=4,
            micro_batch_size=1,
            nodes=1,
            gpus_per_node=1,
            save_every=1,
        )
        return {**small, "hostfile": None}
