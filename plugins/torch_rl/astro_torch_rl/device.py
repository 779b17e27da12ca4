"""Where a model is trained, and how it gets there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging

from astro.errors import TrainingError
from astro_torch_rl.params import GrpoParams


@dataclass(frozen=True, slots=True)
class Device:
    """Where to compute, and in which type; the weights are float32 everywhere."""

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def choose(cls, params: GrpoParams) -> Device:
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
