from __future__ import annotations

from pathlib import Path

import pytest
from transformers import MambaConfig, MambaForCausalLM, PreTrainedTokenizerFast

from astro.errors import PolicyError
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy


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
