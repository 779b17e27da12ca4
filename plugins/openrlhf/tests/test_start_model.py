"""A model that OpenRLHF would load as another one is refused before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from strange_checkpoints import CHECKPOINTS

from astro.errors import AstroError
from astro_openrlhf.prompts import PromptWriter
from astro_openrlhf.start_model import check_start


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fp8", "quantized weights"),
        ("no-layer", "lacks 9 tensors"),
        ("llama-class", "set tokenizer_class to PreTrainedTokenizerFast"),
        ("small-vocabulary", "token 375 of a prompt"),
        ("wordpiece", "its tokenizer changes text"),
        ("softcap", "caps its attention scores"),
        ("border", ""),
    ],
)
def test_a_start_model_is_taken_or_refused(tmp_path: Path, name: str, reason: str) -> None:
    CHECKPOINTS[name](tmp_path)
    writer = PromptWriter(str(tmp_path))
    if not reason:
        check_start(str(tmp_path), writer, "sdpa")
        return
    with pytest.raises(AstroError, match=reason):
        check_start(str(tmp_path), writer, "sdpa")
