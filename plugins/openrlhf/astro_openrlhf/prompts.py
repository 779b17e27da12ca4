"""Prompts as text that OpenRLHF tokenizes to the tokens that the policy reads."""

from __future__ import annotations

from astro.data.prompts import PromptEncoder
from astro.errors import TrainingError
from astro.plugins.binding import DEFAULT_PROMPT, PromptConfig
from astro.types import Prompt
from astro_hf.tokenizers import load_tokenizer


class PromptWriter:
    """Renders prompts with a model's tokenizer, as `PromptEncoder` does.

    OpenRLHF tokenizes the text without adding special tokens, so the text contains them.

    Raises:
        PolicyError: The tokenizer cannot be loaded, or has no chat template and needs one.
    """

    def __init__(self, model: str, prompt: PromptConfig = DEFAULT_PROMPT) -> None:
        self.tokenizer = load_tokenizer(model)
        self.encoder = PromptEncoder(self.tokenizer, prompt)

    def text(self, asked: Prompt | str) -> str:
        """Return the text of a prompt, or of one with a user message alone.

        Raises:
            TrainingError: No text is tokenized to the tokens that the policy reads.
        """
        prompt = Prompt(asked) if isinstance(asked, str) else asked
        wanted = list(self.encoder.start(prompt))
        for text in (
            self.tokenizer.decode(wanted, clean_up_tokenization_spaces=False),
            prompt.user,
        ):
            if text and self.ids(text) == wanted:
                return text
        raise TrainingError(
            f"OpenRLHF would read other tokens than the policy for the prompt {prompt.user[:80]!r}",
            "set prompt.style: chat, or use a tokenizer that decodes without loss",
        )

    def ids(self, text: str) -> list[int]:
        """Return the tokens that OpenRLHF reads for `text`."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
