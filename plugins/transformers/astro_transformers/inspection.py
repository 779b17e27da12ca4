"""What a policy and a fine-tuner see in a checkpoint, and what they would refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from transformers import PreTrainedModel

from astro.data.prompts import PromptEncoder
from astro.errors import AstroError
from astro.plugins import models
from astro.types import Prompt
from astro_hf.checkpoints import end_tokens, length_limit, load_model, outline, stored_dtype
from astro_hf.configs import check_trainable, load_config
from astro_hf.devices import pick_device
from astro_hf.look import check_model
from astro_hf.token_ids import PROBLEM, check_encoder
from astro_hf.tokenizers import check_reading, load_tokenizer
from astro_transformers.params import PolicyParams
from astro_transformers.policy import check_attention_only

T = TypeVar("T")


@dataclass(slots=True)
class Inspection:
    """What was found: facts by name; lines worth knowing; refusals, each with its remedy."""

    facts: dict[str, Any] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    refusals: list[dict[str, str]] = field(default_factory=list)

    def attempt(self, make: Callable[[], T], *, of: str = "") -> T | None:
        """Return what `make` returns; None if it refuses, which is noted once."""
        try:
            return make()
        except AstroError as error:
            reason = f"{of}: {error.message}" if of else error.message
            if all(refusal["reason"] != reason for refusal in self.refusals):
                self.refusals.append({"reason": reason, "remedy": error.hint})
            return None


def inspect(params: PolicyParams, *, weights: bool = True) -> Inspection:
    """Look at the model of `params` as the policy does, and load its weights if `weights`.

    Raises:
        PolicyError: There is no checkpoint of this name.
    """
    found, name = Inspection({"model": params.model}), models.checkpoint(params.model)
    config = found.attempt(lambda: load_config(name))
    if config is None:
        return found
    text = config.get_text_config()
    found.facts["family"] = config.model_type
    found.facts["architecture"] = ", ".join(getattr(config, "architectures", None) or ["unknown"])
    found.facts["vocabulary"] = text.vocab_size
    found.attempt(lambda: check_trainable(config, params.model), of="training")
    stored = found.attempt(lambda: stored_dtype(name, config))
    found.facts["stored_dtype"] = str(stored or "unknown").removeprefix("torch.")
    model = found.attempt(lambda: _model(params, name, weights))
    tokenizer = found.attempt(lambda: load_tokenizer(name))
    if model is not None:
        _look_at_model(found, model, params, weights)
    if tokenizer is not None:
        _look_at_text(found, tokenizer, model, params, text.vocab_size)
    return found


def _model(params: PolicyParams, name: str, weights: bool) -> PreTrainedModel:
    if not weights:
        return outline(name, params.attn_implementation)
    device = pick_device(params.device)
    return load_model(name, device=device, dtype=params.dtype, attention=params.attn_implementation)


def _look_at_model(
    found: Inspection, model: PreTrainedModel, params: PolicyParams, weights: bool
) -> None:
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    found.facts["parameters"] = sum(weight.numel() for weight in model.parameters())
    found.facts["dtype"] = str(model.dtype).removeprefix("torch.")
    found.facts["weights_mib"] = round(size / 2**20, 1)
    found.facts["attention"] = model.config._attn_implementation
    found.facts["max_length"] = found.attempt(
        lambda: length_limit(model, params.max_length, params.model)
    )
    found.attempt(lambda: check_attention_only(model, params.model))
    if weights:
        found.attempt(lambda: check_model(model, params.model, sampled=True))


def _look_at_text(
    found: Inspection,
    tokenizer: Any,
    model: PreTrainedModel | None,
    params: PolicyParams,
    vocab_size: int,
) -> None:
    found.facts["tokens"] = len(tokenizer)
    try:
        check_reading(models.checkpoint(params.model))
    except AstroError as error:
        found.notices.append(f"vllm and openrlhf refuse it, the others do not: {error}")
    encoder = found.attempt(lambda: PromptEncoder(tokenizer, params.prompt))
    if encoder is None:
        return
    ids = encoder.encode(Prompt(PROBLEM))
    ends = encoder.end_ids() | (end_tokens(model, tokenizer) if model is not None else set())
    end = encoder.end_id()
    found.facts["prompts"] = "raw" if encoder.chat is None else "chat template"
    found.facts["prompt"] = tokenizer.decode(list(ids), skip_special_tokens=False)
    found.facts["end_token"] = None if end is None else _token(tokenizer, end)
    found.facts["stop_tokens"] = [_token(tokenizer, i) for i in sorted(ends)]
    found.notices += encoder.notices
    found.attempt(lambda: check_encoder(encoder, vocab_size, params.model))


def _token(tokenizer: Any, token: int) -> str:
    return f"{token} {tokenizer.convert_ids_to_tokens(token)}"
