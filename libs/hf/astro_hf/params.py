"""Types of params that several plugins share, and the paper's RL preset. Imports no engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from astro.plugins.params import OPERATIONAL, Params

DeviceName = Annotated[str, OPERATIONAL, Field(description="auto, cpu, cuda, cuda:1, ...")]
Threads = Annotated[
    int | None, OPERATIONAL, Field(ge=1, description="torch threads; default is torch's")
]
Dtype = Literal["auto", "float32", "bfloat16"]
WeightDtype = Literal["auto", "float32", "bfloat16", "float16"]
Attention = Annotated[
    Literal["auto", "eager", "sdpa"],
    Field(description="transformers' attention; auto: the fastest that is exact for the model"),
]
RewardFamily = Annotated[
    Literal[
        "auto",
        "qwen_prm",
        "skywork_prm",
        "math_shepherd",
        "rlhflow_prm",
        "token_classification",
        "sequence_classification",
    ],
    Field(description="how it reads a response; auto is by its architecture"),
]
StepSeparator = Annotated[
    str, Field(min_length=1, description="ends a step, for family token_classification")
]
Schedule = Annotated[
    Literal["constant", "linear", "cosine"],
    Field(description="course of the learning rate after its warm-up"),
]
KLEstimator = Literal["k1", "k2", "k3"]
KLPlace = Annotated[
    Literal["loss", "reward"],
    Field(description="a term of the loss, or taken off the reward"),
]

Rate = Annotated[float, Field(gt=0, description="learning rate at its peak")]
Decay = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[tuple[Decay, Decay], Field(description="decay rates of Adam's two moments")]
WarmupRatio = Annotated[
    float, Field(ge=0, lt=1, description="share of the updates in which the rate rises")
]
WeightDecay = Annotated[float, Field(ge=0, description="decoupled weight decay of AdamW")]
MaxGradNorm = Annotated[float, Field(gt=0, description="longer gradients are scaled down")]
GradientCheckpointing = Annotated[bool, Field(description="less memory, more time")]

Steps = Annotated[int, Field(ge=1, description="batches of rollouts, each trained on")]
PromptsPerStep = Annotated[int, Field(ge=1, description="groups in a batch")]
GroupSize = Annotated[int, Field(ge=1, description="responses to one prompt")]
ComparedGroupSize = Annotated[int, Field(ge=2, description="responses to one prompt")]
MaxTokens = Annotated[int, Field(ge=1, description="tokens in a response")]
Temperature = Annotated[float, Field(gt=0, description="of the sampled responses")]
ClipLow = Annotated[float, Field(ge=0, le=1, description="ratio >= 1 - clip_low")]
ClipHigh = Annotated[float, Field(ge=0, description="ratio <= 1 + clip_high")]
KLWeight = Annotated[float, Field(ge=0, description="weight of KL to the start model")]
EpochsPerBatch = Annotated[int, Field(ge=1, description="passes over a batch")]
Gamma = Annotated[float, Field(ge=0, le=1, description="discount per token")]
GaeLambda = Annotated[float, Field(ge=0, le=1, description="1: returns minus values")]
PretrainingSteps = Annotated[
    int, Field(ge=0, description="first steps of the training, which train the critic alone")
]
NormalizeStd = Annotated[bool, Field(description="divide advantages by the group's std")]
LeaveOneOut = Annotated[bool, Field(description="baseline over the group's other responses (RLOO)")]
PaperPreset = Annotated[Literal["paper"] | None, Field(description="defaults at the paper's scale")]

PAPER_RL: Mapping[str, Any] = {
    "prompts_per_step": 128,
    "group_size": 4,
    "max_tokens": 15_360,
    "kl": 0.0,
    "normalize_std": False,
}
"""Section 5 of the ASTRO paper. Its batch and its learning rate are not public."""


class Lora(Params):
    """Low-rank adapters (arXiv 2106.09685), trained instead of the weights."""

    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[int, Field(ge=1, description="the update is scaled by alpha / rank")] = 32
    targets: Annotated[str | list[str], Field(description="names of layers, or all-linear")] = (
        "all-linear"
    )


class Wandb(Params):
    """Weights & Biases as a further destination of the metrics."""

    project: str
    name: str | None = None
    mode: Literal["online", "offline"] = "online"


def with_preset(
    values: Mapping[str, Any], presets: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return `values` over those of the preset that they name, if they name one."""
    return {**presets.get(str(values.get("preset")), {}), **values}


def check_kl(weight: float, place: str, estimator: KLEstimator) -> None:
    """Raise `ValueError` for k1 in the loss, whose gradient has mean 0."""
    if weight and (place, estimator) == ("loss", "k1"):
        raise ValueError("kl_estimator: k1 in the loss has a gradient of mean 0; take k2 or k3")
