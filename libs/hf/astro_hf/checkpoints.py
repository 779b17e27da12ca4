"""Models loaded from checkpoints, and their limits. Code that comes with one is never run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel
from transformers.utils import logging

from astro_hf.configs import attention_of, check_trainable, load_config
from astro_hf.errors import CheckpointError
from astro_hf.stored_weights import majority_dtype
from astro_hf.tokenizers import located, unloadable

_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
_ENDS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
_NAMED = 3


def load_model(
    model: str,
    *,
    device: torch.device,
    dtype: str,
    attention: str = "auto",
    train: bool = False,
) -> PreTrainedModel:
    """Load the weights of `model` in evaluation mode.

    Args:
        model: A folder, a GGUF file or a hub name.
        device: The device of the weights.
        dtype: The dtype of the weights; `auto` is that of the stored ones.
        attention: The name of transformers' implementation of attention; `auto` chooses the fastest
            one that computes the model as it is defined.
        train: Whether the model is going to be trained and saved.

    Raises:
        CheckpointError: The weights cannot be loaded, or some are missing; or the model is
            quantized, and so cannot be trained.
    """
    config = load_config(model)
    if train:
        check_trainable(config, model)
    with reading("model", model):
        found: Any = AutoModelForCausalLM.from_pretrained(
            **located(model),
            dtype=(stored_dtype(model, config) or "auto") if dtype == "auto" else dtype,
            attn_implementation=attention_of(config, attention, model),
            device_map="meta" if device.type == "meta" else None,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    loaded: PreTrainedModel = found[0]
    check_shapes(found[1]["mismatched_keys"], model)
    check_tensors(loaded, found[1]["missing_keys"], found[1]["unexpected_keys"], model)
    _make_savable(loaded)
    torch.nn.Module.to(loaded, device)  # the subclass's own is typed for other arguments
    torch.nn.Module.eval(loaded)
    return loaded


@contextmanager
def reading(part: str, model: str) -> Iterator[None]:
    """Let transformers read a checkpoint; whatever it raises is raised as a `CheckpointError`.

    Its table of weights that are missing or left over is hidden, since these are checked here.
    `part` is what errors call that which is read.
    """
    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # anything that a foreign checkpoint makes the library raise
        raise unloadable(part, model, error) from error
    finally:
        logging.set_verbosity(verbosity)


def outline(model: str, attention: str = "auto") -> PreTrainedModel:
    """Return `model` on torch's device `meta`, where its weights take no memory.

    Raises:
        CheckpointError: It cannot be loaded, or some of its weights are missing.
    """
    return load_model(model, device=torch.device("meta"), dtype="auto", attention=attention)


def check_tensors(
    loaded: PreTrainedModel, missing: Iterable[str], unexpected: Iterable[str], model: str
) -> None:
    """Check that a checkpoint had all weights of its model, and none that its layers do not use.

    Weights of layers that the model does not have are allowed: some checkpoints hold further heads.

    Raises:
        CheckpointError: It did not.
    """
    if lacking := sorted(missing):
        raise CheckpointError(
            f"model {model!r} lacks {_listed(lacking)}, which would be random",
            "download it again, or correct its config.json",
        )
    layers = dict(loaded.named_modules())
    unused = [name for name in sorted(unexpected) if _belongs_to(name, loaded, layers)]
    if unused:
        raise CheckpointError(
            f"model {model!r} has {_listed(unused)}, which its config.json gives no place",
            "correct its config.json, or take a checkpoint without them",
        )


def check_shapes(mismatched: Iterable[Sequence[Any]], model: str) -> None:
    """Check that all weights of a checkpoint have the shapes of its config.json.

    Args:
        mismatched: The name, stored shape and expected shape of each that has not.
        model: The model's name.

    Raises:
        CheckpointError: Some have not.
    """
    if found := sorted((name, tuple(a), tuple(b)) for name, a, b in mismatched):
        _, stored, wanted = found[0]
        raise CheckpointError(
            f"model {model!r} has {_listed([name for name, _, _ in found])} of another shape than"
            f" its config.json says, {stored} for {wanted}",
            "correct its config.json, or download it again",
        )


def _belongs_to(name: str, loaded: PreTrainedModel, layers: dict[str, Any]) -> bool:
    """Whether a weight's name is in a layer that has weights of its own."""
    owner = name.rpartition(".")[0]
    layer = layers.get(owner) or layers.get(f"{loaded.base_model_prefix}.{owner}")
    return layer is not None and any(True for _ in layer.parameters(recurse=False))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} tensors ({', '.join(names[:_NAMED])}{more})"


def stored_dtype(model: str, config: Any = None) -> torch.dtype | None:
    """Return the dtype of a checkpoint's weights, in which a model trained from it is written.

    It is read from the files of the weights, and from the config if there are none to read. None if
    neither says it.

    Raises:
        CheckpointError: A file of weights is damaged.
    """
    config = load_config(model) if config is None else config
    if getattr(config, "quantization_config", None) is not None:
        return None
    with reading("model", model):
        found = majority_dtype(model)
    named = getattr(config, "dtype", None) or getattr(config.get_text_config(), "dtype", None)
    return found or (named if isinstance(named, torch.dtype) else None)


def _make_savable(model: PreTrainedModel) -> None:
    """Remove generation settings without effect, with which transformers refuses to save."""
    config = model.generation_config
    if config is None or _is_valid(config):
        return
    if not config.do_sample:
        for name in _SAMPLING:
            setattr(config, name, None)
    if not _is_valid(config):
        kept = {name: getattr(config, name, None) for name in _ENDS}
        model.generation_config = GenerationConfig(**kept)


def _is_valid(config: GenerationConfig) -> bool:
    try:
        config.validate(strict=True)
    except ValueError:
        return False
    return True


def cast_weights(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Convert what is stored of a model to `dtype`, in place.

    What is computed when it is loaded, such as rotary frequencies, keeps its dtype, and so do the
    weights that transformers always keeps in float32.
    """
    kept = tuple(getattr(model, "_keep_in_fp32_modules_strict", None) or ())
    for name, weight in model.named_parameters():
        if weight.is_floating_point() and not any(part in name for part in kept):
            weight.data = weight.data.to(dtype)
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            stored = name not in module._non_persistent_buffers_set
            if stored and buffer.is_floating_point():
                module._buffers[name] = buffer.to(dtype)


def end_tokens(model: PreTrainedModel, tokenizer: Any) -> frozenset[int]:
    """Return all tokens that end a response, by the generation config and by the tokenizer."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(i for i in (*ids, tokenizer.eos_token_id) if i is not None)


def length_limit(model: PreTrainedModel, max_length: int | None, name: str) -> int:
    """Return the number of tokens that a sequence may have: `max_length`, or the model's own limit.

    Raises:
        CheckpointError: The model cannot read sequences of `max_length`, or not so that those of a
            batch do not change each other.
    """
    rotary, learned = rotary_limit(model), position_limit(model)
    reasons = {
        rotary: "the longest sequence of a batch changes the rotary factors of all others",
        learned: "the model has no positions",
    }
    for limit, reason in reasons.items():
        if max_length and limit and max_length > limit:
            raise CheckpointError(
                f"max_length {max_length}: beyond {limit} tokens {reason} (model {name!r})",
                f"set max_length to at most {limit}, or leave it out",
            )
    return max_length or context_limit(model) or sys.maxsize


def context_limit(model: PreTrainedModel) -> int | None:
    """Return the number of positions that the model supports, if it says so.

    It is never above `rotary_limit`.
    """
    limits = [limit for limit in (_made_for(model), rotary_limit(model)) if limit is not None]
    return min(limits, default=None)


def position_limit(model: PreTrainedModel) -> int | None:
    """Return the number of positions in the model's table of them, if it has one.

    Models with rotary position embeddings compute any position.
    """
    config = model.config.get_text_config()
    rotary = any(_rope_parameters(config)) or getattr(config, "rope_theta", None)
    return None if rotary else _made_for(model)


def _made_for(model: PreTrainedModel) -> int | None:
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def rotary_limit(model: PreTrainedModel) -> int | None:
    """Return the length up to which sequences of a batch do not change each other, if limited.

    Beyond it, the rotary factors of longrope (https://arxiv.org/abs/2402.13753) and of dynamic NTK
    depend on the longest sequence of the batch, and with them the logits of all others.
    """
    config = model.config.get_text_config()
    limits = [_unscaled_length(config, parameters) for parameters in _rope_parameters(config)]
    return min((limit for limit in limits if limit is not None), default=None)


def _rope_parameters(config: Any) -> list[dict[str, Any]]:
    """One dictionary for the model, or one per type of layer."""
    own = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    return [value for value in own.values() if isinstance(value, dict)] or [own]


def _unscaled_length(config: Any, parameters: dict[str, Any]) -> int | None:
    """The length at which transformers' `dynamic_rope_update` changes the factors, if it does."""
    kind = parameters.get("rope_type", parameters.get("type"))
    if kind == "longrope" and "original_max_position_embeddings" in parameters:
        original: int = parameters["original_max_position_embeddings"]
        return original
    if kind in {"longrope", "dynamic"}:
        return getattr(config, "max_position_embeddings", None)
    return None
