"""A check of the model that a training starts from, before OpenRLHF loads it itself."""

from __future__ import annotations

from importlib.util import find_spec

from astro_hf.configs import attention_of, check_trainable, load_config
from astro_hf.token_ids import check_encoder
from astro_hf.tokenizers import check_reading
from astro_openrlhf.prompts import PromptWriter


def check_start(model: str, writer: PromptWriter, attention: str) -> None:
    """Check that OpenRLHF trains the model that the checkpoint is, and reads its text.

    Whether all weights are there is checked if torch is installed here.

    Raises:
        CheckpointError: The checkpoint cannot be trained.
    """
    check_reading(model)
    config = load_config(model)
    check_trainable(config, model)
    attention_of(config, attention, model)
    check_encoder(writer.encoder, config.get_text_config().vocab_size, model)
    if find_spec("torch") and find_spec("accelerate"):
        from astro_hf.checkpoints import outline

        outline(model)
