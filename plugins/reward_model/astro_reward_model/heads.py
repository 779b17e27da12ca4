"""The models of the families: token ids `[B, T]` in, probabilities `[B, T]` out.

Each value is the probability, in (0, 1), that the response up to its token is good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)

from astro.errors import PolicyError
from astro_hf.checkpoints import context_limit, reading
from astro_hf.configs import attention_of, load_config
from astro_reward_model.weights import tensors


class Head(nn.Module):
    """A model without its last layer, and the layer that turns hidden states into probabilities."""

    def __init__(self, backbone: PreTrainedModel, probability: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.backbone = backbone
        self._probability = probability

    def context_limit(self) -> int | None:
        """Return the number of positions that the model supports, if it says so."""
        return context_limit(self.backbone)

    def forward(self, ids: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        """Return the probabilities at `positions` `[N, 2]`, pairs of row and column; `[N]`."""
        hidden = self.backbone(input_ids=ids, attention_mask=mask, use_cache=False)[0]
        read = hidden[positions[:, 0], positions[:, 1]]
        return self._probability(read)


def label_head(model: str, device: torch.device, dtype: torch.dtype) -> Head:
    """Qwen2.5-Math-PRM: two labels by a layer, ReLU and a layer; label 1 is good."""
    backbone = _load(AutoModel, model, dtype)
    found = tensors(model, "score.")
    _require(model, found, ("score.0.weight", "score.0.bias", "score.2.weight", "score.2.bias"))
    first = _linear(found, "score.0").to(device)
    second = _linear(found, "score.2").to(device)

    def probability(hidden: Tensor) -> Tensor:
        labels: Tensor = second(first(hidden.float()).relu())
        return labels.softmax(-1)[:, 1]

    return Head(backbone.to(device), probability)


def value_head(model: str, device: torch.device, dtype: torch.dtype) -> Head:
    """Skywork-o1-Open-PRM: the sigmoid of a linear layer on the last hidden state."""
    backbone = _load(AutoModel, model, dtype)
    found = tensors(model, "v_head.summary.")
    _require(model, found, ("v_head.summary.weight", "v_head.summary.bias"))
    summary = _linear(found, "v_head.summary").to(device)

    def probability(hidden: Tensor) -> Tensor:
        value: Tensor = summary(hidden.float())
        return value[:, 0].sigmoid()

    return Head(backbone.to(device), probability)


def token_head(
    model: str, device: torch.device, dtype: torch.dtype, *, good: int, bad: int
) -> Head:
    """Models whose next token is a good or a bad mark: the softmax over these two tokens."""
    loaded = _load(AutoModelForCausalLM, model, dtype).to(device)
    unembed = loaded.get_output_embeddings()

    def probability(hidden: Tensor) -> Tensor:
        logits: Tensor = unembed(hidden)
        return logits[:, [good, bad]].float().softmax(-1)[:, 0]

    return Head(loaded.base_model, probability)


def classification_head(
    model: str, device: torch.device, dtype: torch.dtype, *, per_token: bool
) -> Head:
    """Classifiers of transformers: one logit, or two labels of which label 1 is good."""
    kind = AutoModelForTokenClassification if per_token else AutoModelForSequenceClassification
    loaded = _load(kind, model, dtype).to(device)
    if loaded.config.num_labels not in ((2,) if per_token else (1, 2)):
        raise PolicyError(f"reward model {model!r} has {loaded.config.num_labels} labels")
    score = loaded.score

    def probability(hidden: Tensor) -> Tensor:
        logits: Tensor = score(hidden).float()
        return logits[:, 0].sigmoid() if logits.shape[1] == 1 else logits.softmax(-1)[:, 1]

    return Head(loaded.base_model, probability)


def _load(kind: Any, model: str, dtype: torch.dtype) -> Any:
    """Load a model in evaluation mode. Raises `PolicyError` if it fails or weights are missing."""
    with reading("reward model", model):
        loaded, info = kind.from_pretrained(
            model,
            dtype=dtype,
            attn_implementation=attention_of(load_config(model), "auto", model),
            trust_remote_code=False,
            output_loading_info=True,
        )
    if missing := sorted(info["missing_keys"]):
        raise PolicyError(f"reward model {model!r} lacks the weights {missing[0]}")
    return loaded.eval()


def _linear(found: Mapping[str, Tensor], name: str) -> nn.Linear:
    weight, bias = found[f"{name}.weight"].float(), found[f"{name}.bias"].float()
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    return layer


def _require(model: str, found: Mapping[str, Tensor], names: tuple[str, ...]) -> None:
    if missing := [name for name in names if name not in found]:
        raise PolicyError(f"reward model {model!r} lacks the weights {missing[0]}")
