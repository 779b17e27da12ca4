"""Models in 4 bits, under adapters that are trained (QLoRA, arXiv 2305.14314)."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel

from astro_hf.checkpoints import load_model
from astro_hf.configs import load_config
from astro_hf.devices import check_cuda, pick_device


def load_quantized(name: str, device: str, attention: str) -> PreTrainedModel:
    """Load a model whose frozen weights take 4 bits each (NF4).

    Raises:
        TrainingError: The device is no CUDA GPU, or bitsandbytes is not installed.
    """
    place = pick_device(device)
    instead = "leave quantize out: LoRA alone"
    check_cuda(place, "bitsandbytes", "sft.params.lora.quantize: 4bit", instead)
    load_config(name)  # refused in one line if it cannot be read
    quantized: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        name,
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        ),
        attn_implementation=None if attention == "auto" else attention,
        device_map={"": place},
        trust_remote_code=False,
    )
    return quantized


def merge_into_stored(
    name: str, adapter: Path, trained: PreTrainedModel, *, keep: bool
) -> PreTrainedModel:
    """Return the model as it is stored, with the adapter merged, since 4 bits would round it."""
    from peft import PeftModel

    base = load_model(name, device=torch.device("cpu"), dtype="auto", train=True)
    base.generation_config = trained.generation_config
    merged: PreTrainedModel = PeftModel.from_pretrained(base, adapter).merge_and_unload()
    if not keep:
        shutil.rmtree(adapter)
    return merged
