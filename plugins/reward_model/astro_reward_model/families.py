"""The families of reward models: how to encode for them, and how to load them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers import AutoConfig

from astro.errors import PolicyError
from astro_hf.tokenizers import unloadable
from astro_reward_model import encoding, heads
from astro_reward_model.encoding import Encoded
from astro_reward_model.params import RewardModelParams
from astro_reward_model.weights import tensors

Encode = Callable[[str, Sequence[str]], Encoded]


@dataclass(frozen=True, slots=True)
class RewardFamily:
    """A loaded reward model.

    `encode` takes a problem and its steps. `outcome` says that it has one score per response.
    """

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
    encode: Callable[..., Encoded]
    match family:
        case "qwen_prm":
            encode, head = encoding.qwen_prm, heads.label_head(*place)
        case "skywork_prm":
            encode, head = encoding.skywork_prm, heads.value_head(*place)
        case "math_shepherd":
            encode, head = encoding.math_shepherd, heads.shepherd_head(*place, tokenizer)
        case "rlhflow_prm":
            encode, head = encoding.rlhflow_prm, heads.rlhflow_head(*place, tokenizer)
        case "token_classification":
            encode = partial(encoding.token_classification, separator=params.separator)
            head = heads.classification_head(*place, per_token=True)
        case _:
            encode = encoding.sequence_classification
            head = heads.classification_head(*place, per_token=False)
    outcome = family == "sequence_classification"
    return RewardFamily(partial(encode, tokenizer), head, outcome)


def _recognized(model: str) -> str:
    """Return the family that a checkpoint's architecture or weights name."""
    try:
        names = AutoConfig.from_pretrained(model, trust_remote_code=False).architectures or [""]
    except Exception as error:  # anything that a foreign checkpoint makes the library raise
        raise unloadable("config", model, error) from error
    by_architecture = {
        "ProcessRewardModel": "qwen_prm",
        "ForTokenClassification": "token_classification",
        "ForSequenceClassification": "sequence_classification",
    }
    for ending, family in by_architecture.items():
        if names[0].endswith(ending):
            return family
    if tensors(model, "v_head.summary."):
        return "skywork_prm"
    raise PolicyError(
        f"the family of reward model {model!r} cannot be told from its architecture {names[0]!r}",
        "set family: math_shepherd or rlhflow_prm, if it is one of these",
    )
