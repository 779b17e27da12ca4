"""Prompts as text that OpenRLHF turns into the very tokens that the policy reads."""

from __future__ import annotations

from astro.data.prompts import PromptEncoder
from astro.errors import TrainingError
from astro.plugins.binding import DEFAULT_PROMPT, PromptConfig
from astro_hf.tokenizers import load_tokenizer


class PromptWriter:
    """Renders prompts with a model's tokenizer, as `PromptEncoder` does.

    OpenRLHF tokenizes a prompt's text without adding special tokens, so they stand in the text.
    """

    def __init__(self, model: str, prompt: PromptConfig = DEFAULT_PROMPT) -> None:
        """Raises `PolicyError` if the tokenizer cannot be loaded or has no chat template."""
        self.tokenizer = load_tokenizer(model)
        self.encoder = PromptEncoder(self.tokenizer, prompt)

    def text(self, user: str) -> str:
        """Raises `TrainingError` if no text gives the policy's own tokens."""
        wanted = list(self.encoder.user(user))
        for text in (self.tokenizer.decode(wanted, clean_up_tokenization_spaces=False), user):
            if text and self.ids(text) == wanted:
                return text
        raise TrainingError(
            f"OpenRLHF would read other tokens than the policy for the prompt {user[:80]!r}",
            "set prompt.style: chat, or use a tokenizer that can be undone",
        )

    def ids(self, text: str) -> list[int]:
        """The tokens that OpenRLHF reads for `text`."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
