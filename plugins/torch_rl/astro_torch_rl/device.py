"""The device and dtype of a training, and models loaded for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from astro.errors import TrainingError
from astro_hf import checkpoints
from astro_hf.devices import compute_dtype, pick_device, set_threads
from astro_hf.look import check_model
from astro_torch_rl.params import TrainParams


@dataclass(frozen=True, slots=True)
class Device:
    """The device to compute on and the dtype of forward passes; weights are always float32."""

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def choose(cls, params: TrainParams) -> Device:
        """Choose as the params say, and set the number of torch's threads.

        Raises:
            TrainingError: torch cannot use the device.
        """
        set_threads(params.threads)
        device = pick_device(params.device)
        return cls(device, compute_dtype(params.dtype, device))


def load_model(path: str, device: torch.device, attention: str = "auto") -> PreTrainedModel:
    """Load a causal LM with float32 weights in evaluation mode: dropout would bias the ratios.

    Raises:
        TrainingError: The model cannot be loaded.
    """
    model = checkpoints.load_model(
        path, device=device, dtype="float32", attention=attention, train=True
    )
    check_model(model, path, sampled=False)
    return model


def load_trunk(path: str, device: torch.device, attention: str = "auto") -> PreTrainedModel:
    """Load a model as `load_model` does, without its language modeling head."""
    trunk = load_model(path, device, attention).base_model
    assert isinstance(trunk, PreTrainedModel)
    return trunk


def checkpoint_gradients(model: PreTrainedModel) -> None:
    """Recompute activations in the backward pass, which saves memory (arXiv 1604.06174).

    A layer does this in training mode only. Its modules stay in evaluation mode, and so does the
    layer itself while it computes, so that dropout stays off.

    Raises:
        TrainingError: The model does not support it.
    """
    try:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    except ValueError as error:
        raise TrainingError(str(error), "set rl.params.gradient_checkpointing=false") from None
    layers: list[Any] = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
    for layer in layers:
        layer.training = True
        again = layer._gradient_checkpointing_func
        layer._gradient_checkpointing_func = partial(_evaluated, layer, again)


def _evaluated(layer: torch.nn.Module, again: Any, forward: Any, *args: Any) -> Any:
    """Checkpoint `forward` of `layer` with `again`, in evaluation mode both times that it runs."""

    def run(*inputs: Any) -> Any:
        layer.training = False
        try:
            return forward(*inputs)
        finally:
            layer.training = True

    return again(run, *args)
