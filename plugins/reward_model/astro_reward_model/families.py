"""The families of reward models: how to encode for them, and how to load them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from astro_hf.reward_families import OUTCOME, Encode, encoder, family_of, marks, unknown_family
from astro_reward_model import heads
from astro_reward_model.params import RewardModelParams
from astro_reward_model.weights import tensors


@dataclass(frozen=True, slots=True)
class RewardFamily:
    """A loaded reward model; `outcome` says that it has one score per response."""

    encode: Encode
    head: heads.Head
    outcome: bool = False


def load_family(
    params: RewardModelParams, tokenizer: Any, device: torch.device, dtype: torch.dtype
) -> RewardFamily:
    """Load the model of the params as one of its family.

    Raises:
        PolicyError: The model cannot be loaded, or is not of the family.
    """
    model = params.model
    family = params.family if params.family != "auto" else _recognized(model)
    place = (model, device, dtype)
    match family:
        case "qwen_prm":
            head = heads.label_head(*place)
        case "skywork_prm":
            head = heads.value_head(*place)
        case "math_shepherd" | "rlhflow_prm":
            good, bad = marks(family, tokenizer, model)
            head = heads.token_head(*place, good=good, bad=bad)
        case _:
            head = heads.classification_head(*place, per_token=family != OUTCOME)
    return RewardFamily(encoder(family, tokenizer, params.separator), head, family == OUTCOME)


def _recognized(model: str) -> str:
    """Return the family that a checkpoint's architecture or weights name."""
    if family := family_of(model):
        return family
    if tensors(model, "v_head.summary."):
        return "skywork_prm"
    raise unknown_family(model)
