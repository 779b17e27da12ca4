"""Where a model is trained, and how it gets there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.utils import logging

from astro.errors import TrainingError
from astro_torch_rl.params import TrainParams


@dataclass(frozen=True, slots=True)
class Device:
    """Where to compute, and in which type; the weights are float32 everywhere."""

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def choose(cls, params: TrainParams) -> Device:
        """Resolve `auto`: the GPU if there is one, and bfloat16 on it. Sets torch's threads.

        Raises `TrainingError` for a device that torch cannot use.
        """
        if params.threads is not None:
            torch.set_num_threads(params.threads)
        found = "cuda" if torch.cuda.is_available() else "cpu"
        name = found if params.device == "auto" else params.device
        try:
            device = torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise TrainingError(f"device {name!r} cannot be used: {reason}", "try auto") from None
        auto = "bfloat16" if device.type == "cuda" else "float32"
        return cls(device, getattr(torch, auto if params.dtype == "auto" else params.dtype))


def start_dtype(model: str) -> torch.dtype:
    """The type of the weights of a checkpoint, in which the model trained from it is written."""
    dtype = AutoConfig.from_pretrained(model).dtype
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def load_model(path: str, device: torch.device) -> PreTrainedModel:
    """A causal LM with float32 weights, left in evaluation mode: dropout would bias the ratios.

    Raises `TrainingError` if it cannot be loaded.
    """
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f"cannot load model {path}: {reason}") from error
    torch.nn.Module.to(model, device)
    return model


def load_trunk(path: str, device: torch.device) -> PreTrainedModel:
    """The model without its language head."""
    trunk = load_model(path, device).base_model
    assert isinstance(trunk, PreTrainedModel)
    return trunk


def checkpoint_gradients(model: PreTrainedModel) -> None:
    """Have the layers computed again in the backward pass, for memory.

    A layer does so in training mode only. Its parts are not in it, and it is not while it computes:
    dropout stays off. Raises `TrainingError` for a model that cannot.
    """
    try:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    except ValueError as error:
        raise TrainingError(str(error), "set rl.params.gradient_checkpointing=false") from None
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            module.training = True
            again = module._gradient_checkpointing_func
            module._gradient_checkpointing_func = partial(_evaluated, module, again)


def _evaluated(layer: torch.nn.Module, again: Any, forward: Any, *args: Any) -> Any:
    """Checkpoint `forward` of `layer` by `again`, in evaluation mode both times that it runs."""

    def run(*inputs: Any) -> Any:
        layer.training = False
        try:
            return forward(*inputs)
        finally:
            layer.training = True

    return again(run, *args)
