"""Configs of models, and what can be told of a model from its config alone."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig

from astro_hf.errors import CheckpointError
from astro_hf.tokenizers import located, unloadable


def load_config(model: str) -> Any:
    """Load the config of `model`.

    Raises:
        CheckpointError: It cannot be loaded.
    """
    try:
        return AutoConfig.from_pretrained(**located(model), trust_remote_code=False)
    except Exception as error:  # anything that a foreign checkpoint makes the library raise
        raise unloadable("model", model, error) from error


def check_trainable(config: Any, model: str) -> None:
    """Check that the stored weights of a model are not quantized.

    What transformers writes after training them is another model when it is loaded again.

    Raises:
        CheckpointError: They are.
    """
    quantized = getattr(config, "quantization_config", None)
    if quantized is None and not model.endswith(".gguf"):
        return
    values = quantized if isinstance(quantized, dict) else vars(quantized) if quantized else {}
    method = getattr(values.get("quant_method"), "value", values.get("quant_method")) or "gguf"
    raise CheckpointError(
        f"model {model!r} has quantized weights ({method}), which cannot be trained and saved",
        "train a checkpoint of the same model in bfloat16, float16 or float32",
    )


def attention_of(config: Any, attention: str, model: str) -> str | None:
    """Return the implementation of attention to load a model with; None leaves it to transformers.

    Torch's SDPA cannot cap the scores of attention, as Gemma 2 does (arXiv 2408.00118), and
    transformers then leaves out the cap.

    Raises:
        CheckpointError: The implementation is SDPA, and the model caps its scores.
    """
    capped = bool(getattr(config.get_text_config(), "attn_logit_softcapping", None))
    if capped and attention == "sdpa":
        raise CheckpointError(
            f"model {model!r} caps its attention scores, and attn_implementation: sdpa does not",
            "set attn_implementation: eager, or leave it out",
        )
    return ("eager" if capped else None) if attention == "auto" else attention
