from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import (
    Gemma3TextConfig,
    LlamaConfig,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
)

from astro.errors import PolicyError
from astro_hf.checkpoints import context_limit
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy

LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [4.0] * 4,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}


def llama_config(**options: object) -> PreTrainedConfig:
    size = {"hidden_size": 32, "num_attention_heads": 4, "max_position_embeddings": 128}
    return LlamaConfig(**{**size, **options})


def older(config: PreTrainedConfig) -> SimpleNamespace:
    """Says the same in the words of transformers 4."""
    text = SimpleNamespace(
        max_position_embeddings=config.max_position_embeddings,
        rope_scaling=config.rope_parameters,
    )
    return SimpleNamespace(get_text_config=lambda: text)


def test_a_checkpoint_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(PolicyError, match="cannot load the tokenizer") as error:
        TransformersPolicy(PolicyParams(model=str(tmp_path)))
    assert "\n" not in str(error.value)


def test_models_with_recurrent_state_are_refused(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    config = MambaConfig(vocab_size=70, hidden_size=16, num_hidden_layers=1, state_size=4)
    MambaForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(PolicyError, match="keeps recurrent state"):
        TransformersPolicy(PolicyParams(model=str(tmp_path)))


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        (llama_config(), 128),
        (llama_config(rope_parameters=YARN), 128),
        (llama_config(rope_parameters=DYNAMIC), 128),
        (llama_config(rope_parameters=LONGROPE), 32),
        (llama_config(rope_scaling={**LONGROPE, "type": "longrope"}), 32),
        (older(llama_config(rope_parameters=LONGROPE)), 32),
        (
            Gemma3TextConfig(
                head_dim=8,
                max_position_embeddings=128,
                rope_parameters={"sliding_attention": PLAIN, "full_attention": LONGROPE},
            ),
            32,
        ),
        (MambaConfig(), None),
    ],
)
def test_the_context_ends_where_the_rotary_factors_change(
    config: object, limit: int | None
) -> None:
    assert context_limit(SimpleNamespace(config=config)) == limit  # type: ignore[arg-type]


def test_a_length_past_that_is_refused_in_one_line(longrope: str) -> None:
    assert TransformersPolicy(PolicyParams(model=longrope, max_length=24))
    with pytest.raises(PolicyError, match="beyond 24 tokens the longest sequence") as error:
        TransformersPolicy(PolicyParams(model=longrope, max_length=25))
    assert "\n" not in str(error.value)
