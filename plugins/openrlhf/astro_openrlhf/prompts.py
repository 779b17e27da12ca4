"""Prompts as text that OpenRLHF turns into the very tokens that the policy reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from astro.data.prompts import PromptEncoder
from astro.errors import PolicyError, TrainingError
from astro.plugins import models


class PromptWriter:
    """Renders prompts with a model's tokenizer, `style` and `system` as `PromptEncoder` has them.

    OpenRLHF tokenises a prompt's text without adding special tokens, so they stand in the text.
    """

    def __init__(self, model: str, style: str = "auto", system: str | None = None) -> None:
        """Raises `PolicyError` if the tokenizer cannot be loaded or does not know the style."""
        self.tokenizer = load_tokenizer(model)
        self.encoder = PromptEncoder(self.tokenizer, style, system)

    @classmethod
    def like(cls, model: str, policy: Mapping[str, Any]) -> PromptWriter:
        """As a policy with these params writes them."""
        return cls(model, policy.get("prompt_style", "auto"), policy.get("system"))

    def text(self, user: str) -> str:
        """Raises `TrainingError` if no text gives the policy's own tokens."""
        wanted = list(self.encoder.user(user))
        for text in (self.tokenizer.decode(wanted, clean_up_tokenization_spaces=False), user):
            if text and self.ids(text) == wanted:
                return text
        raise TrainingError(
            f"OpenRLHF would read other tokens than the policy for the prompt {user[:80]!r}",
            "set the policy's prompt_style to chat, or use a tokenizer that can be undone",
        )

    def ids(self, text: str) -> list[int]:
        """The tokens that OpenRLHF reads for `text`."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def absolute(model: str) -> str:
    """The folder of a model, for processes that start elsewhere, or its hub name.

    Raises `PolicyError` if it is clearly a path and holds no checkpoint.
    """
    name = models.checkpoint(model)
    return str(Path(name).resolve()) if Path(name).exists() else name


def load_tokenizer(model: str) -> Any:
    """Raises `PolicyError`."""
    try:
        return AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # whatever a foreign checkpoint makes the library raise
        what = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PolicyError(
            f"cannot load the tokenizer of {model!r}: {what}",
            "expected a checkpoint folder, or a hub name that can be reached",
        ) from error
