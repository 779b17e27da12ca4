"""What a config may say. Names are those of `grpo`, `ppo` and `transformers` where they mean the
same; `flags.py` has the OpenRLHF flag of each. Imports no engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Params
from astro.rehearsal.rehearsable import Machine, RehearsalScale, capped
from astro_hf import params as shared
from astro_openrlhf import flags

UNBIASED_KL = "algo.kl.unbiased_gradient"
"""The flag with which every estimator of KL has the same gradient in the loss."""

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
"""`paper`: section 5 of the ASTRO paper; its batch and learning rate are not public. `standard`:
PPO as OpenRLHF's own examples run it."""

Value = bool | int | float | str
Positive = Annotated[int, Field(ge=1)]
LossAggregation = Annotated[
    Literal["token_mean", "sequence_mean"], Field(description="how token losses are averaged")
]


class Launch(Params):
    """Where and how OpenRLHF is started, and what RL and fine-tuning share."""

    python: Annotated[
        str | Annotated[list[str], Field(min_length=1)],
        Field(description="the interpreter with OpenRLHF, or a command that ends in one"),
    ] = ".venv-openrlhf/bin/python"
    env: Annotated[dict[str, str], Field(description="environment variables it is given")] = Field(
        default_factory=dict
    )
    extra_flags: Annotated[
        dict[str, Value | list[Value]],
        Field(description="any other flags of OpenRLHF's, without the dashes; true: no value"),
    ] = Field(default_factory=dict)

    micro_batch_size: Annotated[
        Positive, Field(description="sequences a GPU trains on at once")
    ] = 1
    learning_rate: Annotated[shared.Rate, Field(description="of the policy, at its highest")] = 1e-6
    schedule: Annotated[
        Literal["constant_with_warmup", "linear", "cosine", "cosine_with_min_lr"],
        Field(description="of the learning rate, as transformers names them"),
    ] = "cosine_with_min_lr"
    warmup_ratio: shared.WarmupRatio = 0.03
    betas: Annotated[tuple[shared.Decay, shared.Decay], Field(description="of Adam")] = (0.9, 0.95)
    weight_decay: Annotated[float, Field(ge=0, description="of Adam")] = 0.0
    max_grad_norm: shared.MaxGradNorm = 1.0
    zero_stage: Annotated[
        Literal[0, 1, 2, 3], Field(description="DeepSpeed's; 3 shards the weights too")
    ] = 2
    adam_offload: Annotated[bool, Field(description="Adam's state in the hosts' memory")] = False
    gradient_checkpointing: shared.GradientCheckpointing = False
    packing: Annotated[bool, Field(description="no padding; needs flash attention")] = False
    attention: Annotated[str, Field(description="as transformers names it")] = "flash_attention_2"
    dtype: Annotated[Literal["bf16", "fp16"], Field(description="of the forward pass")] = "bf16"
    save_every: Annotated[Positive, Field(description="updates between checkpoints")] = 20
    keep: Annotated[Positive, Field(description="checkpoints kept")] = 2

    @model_validator(mode="after")
    def _flags_are_said_once(self) -> Self:
        for name in self.extra_flags:
            if name.startswith("-"):
                raise ValueError(f"extra_flags: write {name.lstrip('-')}, without dashes")
            if name.startswith("ds.lora"):
                raise ValueError("extra_flags: ds.lora leaves adapters, not a whole model")
            if owner := flags.owner(name):
                raise ValueError(f"extra_flags: {name} is set by {owner}")
        return self

    def interpreter(self) -> list[str]:
        """The words of a command that ends in OpenRLHF's Python; a path is made absolute."""
        first, *more = [self.python] if isinstance(self.python, str) else self.python
        return [str(Path(first).absolute()) if "/" in first else first, *more]

    def missing_here(self, machine: Machine) -> str:
        """The interpreter."""
        return "" if machine.program(self.interpreter()[0]) else f"there is no {self.python}"


class RLParams(Launch):
    """What `openrlhf_grpo` and `openrlhf_ppo` share."""

    mode: Annotated[
        Literal["local", "job"],
        Field(description="start Ray on this machine, or submit a job to a cluster"),
    ] = "local"
    address: Annotated[str, Field(description="of the cluster's dashboard, for mode job")] = (
        "http://127.0.0.1:8265"
    )

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
        Positive, Field(description="sequences a GPU scores at once")
    ] = 8

    nodes: Annotated[Positive, Field(description="machines")] = 1
    gpus_per_node: Annotated[Positive, Field(description="GPUs of each that train")] = 8
    colocate: Annotated[
        bool, Field(description="the vLLM engines take turns with training on the same GPUs")
    ] = True
    sleep: Annotated[
        bool, Field(description="with colocate: whoever waits gives its GPU memory up")
    ] = True
    engines: Annotated[
        Positive | None,
        Field(description="of vLLM; none: as many as fit the GPUs that train"),
    ] = None
    tensor_parallel_size: Annotated[Positive, Field(description="GPUs of one vLLM engine")] = 1
    gpu_memory_utilization: Annotated[
        float, Field(gt=0, le=1, description="share of a GPU's memory that vLLM takes")
    ] = 0.6
    prefix_caching: Annotated[bool, Field(description="samples of a prompt share its cache")] = True
    enforce_eager: Annotated[bool, Field(description="vLLM without CUDA graphs")] = False
    sync_backend: Annotated[
        Literal["nccl", "gloo"], Field(description="how vLLM gets new weights")
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
        """Responses in a batch of rollouts."""
        return self.prompts_per_step * self.group_size

    @property
    def update_size(self) -> int:
        """Sequences of one update."""
        return self.minibatch or self.samples

    @property
    def gpus(self) -> int:
        """GPUs that train."""
        return self.nodes * self.gpus_per_node

    @property
    def vllm_engines(self) -> int:
        """Engines that sample."""
        return self.engines or max(1, self.gpus // self.tensor_parallel_size)

    @property
    def sleeps(self) -> bool:
        """Whether training and engines take turns in a GPU's memory."""
        return self.colocate and self.sleep

    @property
    def clip(self) -> tuple[float, float]:
        """Low and high."""
        return self.clip_low, self.clip_high

    def cost(self) -> StageCost:
        prompts = self.steps * self.prompts_per_step
        return StageCost(
            (RequestCost("rollouts", prompts, self.group_size, self.max_tokens, trained=True),)
        )

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Two steps on a few short responses, on one GPU of this machine."""
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
    """Params of `openrlhf_grpo`. By default as `grpo`: no KL term, no division by the std."""

    preset: shared.PaperPreset = None
    group_size: shared.ComparedGroupSize = 8
    aggregation: LossAggregation = "sequence_mean"
    normalize_std: shared.NormalizeStd = False
    leave_one_out: shared.LeaveOneOut = False
    dynamic_filtering: Annotated[
        bool,
        Field(description="groups with equal rewards are replaced by those of further prompts"),
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

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """As `RLParams`; with so few prompts, none is filtered."""
        return {**super().rehearsed(scale), "dynamic_filtering": False}


class PpoParams(RLParams):
    """Params of `openrlhf_ppo`. The critic starts from the policy's model."""

    preset: Annotated[
        Literal["standard"] | None, Field(description="PPO as in OpenRLHF's examples")
    ] = None
    group_size: shared.GroupSize = 1
    prompts_per_step: shared.PromptsPerStep = 128
    clip_high: shared.ClipHigh = 0.2
    gamma: shared.Gamma = 1.0
    gae_lambda: shared.GaeLambda = 1.0
    value_clip: Annotated[float, Field(gt=0, description="a value's move counts up to this")] = 0.5
    critic_learning_rate: Annotated[shared.Rate, Field(description="at its highest")] = 9e-6
    value_pretraining_steps: shared.PretrainingSteps = 0

    @property
    def trains_critic(self) -> bool:
        """PPO trains one."""
        return True

    @property
    def estimator(self) -> str:
        """OpenRLHF's name of the advantages."""
        return "gae"

    @property
    def freezing_steps(self) -> int | None:
        """The last step, from 0, in which the policy is left alone."""
        return self.value_pretraining_steps - 1 if self.value_pretraining_steps else None

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """As `RLParams`, and one step at most trains the critic alone."""
        return {**super().rehearsed(scale), **capped(self, value_pretraining_steps=1)}


class SftParams(Launch):
    """Params of `openrlhf_sft`."""

    epochs: Annotated[float, Field(gt=0, description="passes over the traces")] = 1.0
    batch_size: Annotated[Positive, Field(description="sequences an update")] = 32
    learning_rate: Annotated[shared.Rate, Field(description="at its highest")] = 5e-6
    max_length: Annotated[int, Field(ge=8, description="tokens; longer traces are dropped")] = 8192
    gpus_per_node: Annotated[Positive, Field(description="GPUs of each machine")] = 1
    hostfile: Annotated[
        str | None, Field(description="DeepSpeed's list of machines; none: this one")
    ] = None
    nodes: Annotated[Positive, Field(description="machines, those of the hostfile")] = 1

    @model_validator(mode="after")
    def _batches_divide(self) -> Self:
        gpus = self.nodes * self.gpus_per_node
        if self.batch_size % (self.micro_batch_size * gpus):
            raise ValueError(
                f"a batch of {self.batch_size} does not divide among {gpus} GPUs in micro batches "
                f"of {self.micro_batch_size}"
            )
        if (self.nodes > 1) != (self.hostfile is not None):
            raise ValueError("more than one of nodes needs a hostfile, and only then")
        return self

    def cost(self) -> StageCost:
        return StageCost(epochs=self.epochs)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:  # noqa: ARG002
        """Two epochs of small batches, on one GPU of this machine."""
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
