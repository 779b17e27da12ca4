"""Low-rank adapters (LoRA, arXiv 2106.09685): attaching them and merging them into the weights.

Merged weights are a copy, and the model's own weights never change during training: merging in
place and unmerging would leave rounding errors, and a resumed run would not equal an uninterrupted
one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from astro.errors import MissingEngineError, TrainingError
from astro_hf.params import Lora

_NAME = "default"


def attach(model: PreTrainedModel, lora: Lora, seed: int) -> None:
    """Add adapters to `model`, which do not change its output yet, and freeze its own weights.

    Raises:
        MissingEngineError: peft is not installed.
        TrainingError: `lora.targets` matches no layer, or a layer whose weight cannot be merged,
            because several experts share one tensor or the weight is tied to another layer's.
    """
    _adapt(model, lora, seed, lambda peft, config: peft.inject_adapter_in_model(config, model))


def wrap(model: PreTrainedModel, lora: Lora, seed: int) -> Any:
    """Add adapters as `attach` does; return peft's own model, which saves the adapters alone."""
    return _adapt(model, lora, seed, lambda peft, config: peft.get_peft_model(model, config))


def outline(model: PreTrainedModel, lora: Lora | None) -> None:
    """Add adapters, if any, to a model on torch's device `meta`, where only shapes matter."""
    if lora is not None:
        peft, config = _config(lora)
        peft.inject_adapter_in_model(config, model, low_cpu_mem_usage=True)


def _config(lora: Lora) -> tuple[Any, Any]:
    """The module peft, and its config."""
    try:
        import peft
    except ImportError:
        raise MissingEngineError("params.lora needs peft", "pip install peft") from None
    return peft, peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, target_modules=lora.targets, task_type="CAUSAL_LM"
    )


def _adapt(model: PreTrainedModel, lora: Lora, seed: int, add: Callable[[Any, Any], Any]) -> Any:
    peft, config = _config(lora)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            adapted = add(peft, config)
        except ValueError as error:
            raise TrainingError(f"params.lora: {error}", "try targets: all-linear") from None
    _check_mergeable(model)
    return adapted


def _check_mergeable(model: PreTrainedModel) -> None:
    named = dict(model.named_parameters(remove_duplicate=False))
    tensors = Counter(weight.data_ptr() for weight in named.values())
    for name, _ in _layers(model):
        weight = named.get(f"{name}.base_layer.weight")
        if weight is None or tensors[weight.data_ptr()] > 1:
            why = "holds no weight of its own" if weight is None else "shares its weight"
            raise TrainingError(
                f"params.lora: {name} {why}, so its adapter cannot be merged",
                "choose other targets, such as [q_proj, v_proj]",
            )


def trained(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return the parameters that need a gradient, detached, by name."""
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def merged(model: PreTrainedModel) -> Mapping[str, Tensor]:
    """Return the weights of the equivalent model without adapters, under that model's names.

    An adapted weight becomes W + (alpha / rank) B A (LoRA, section 4.1).
    """
    weights = model.state_dict()
    layers = dict(_layers(model))
    if not layers:
        return weights
    plain = {n.replace(".base_layer", ""): w for n, w in weights.items() if ".lora_" not in n}
    for name, layer in layers.items():
        plain[f"{name}.weight"] = plain[f"{name}.weight"] + layer.get_delta_weight(_NAME).detach()
    return plain


def fold(model: PreTrainedModel) -> None:
    """Replace the adapted layers of `model` in place by plain layers with the merged weights."""
    for name, layer in list(_layers(model)):
        layer.merge()
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, layer.get_base_layer())


def _layers(model: PreTrainedModel) -> Iterator[tuple[str, Any]]:
    """Yield the layers that have an adapter, with their names.

    They are recognized by a method, so that peft is imported only where adapters are used.
    """
    for name, module in model.named_modules():
        if hasattr(module, "get_delta_weight"):
            yield name, module
