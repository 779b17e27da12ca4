"""From prompts to token ids: the chat template or the raw text, then the response so far."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from astro.errors import PolicyError
from astro.types import Prompt


class PromptEncoder:
    """Writes prompts as a model reads them.

    `style` is `chat`, `raw`, or `auto`: chat if the tokenizer has a template. Raw prompts get a
    beginning-of-sequence token only where the tokenizer adds one. Raises `PolicyError` for a style
    that the tokenizer cannot serve.
    """

    def __init__(self, tokenizer: Any, style: str = "auto", system: str | None = None) -> None:
        has_template = bool(tokenizer.chat_template)
        self._tokenizer = tokenizer
        self._chat = style == "chat" or (style == "auto" and has_template)
        self._system = system
        if self._chat and not has_template:
            raise PolicyError("the tokenizer has no chat template", "set prompt_style: raw")
        if system is not None and not self._chat:
            raise PolicyError("a system message needs a chat template", "remove system")
        self.user = lru_cache(maxsize=8192)(self._user)

    def encode(self, prompt: Prompt) -> tuple[int, ...]:
        """The ids of the whole context. `prompt.token_ids` are taken as they are."""
        return self.user(prompt.user) + (prompt.token_ids or self.text(prompt.response))

    def text(self, text: str) -> tuple[int, ...]:
        """The ids of a part of a response, nothing added."""
        if not text:
            return ()
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _user(self, user: str) -> tuple[int, ...]:
        if self._chat:
            return self.text(self._render(user))
        ids = tuple(self._tokenizer(user)["input_ids"])
        return ids[:-1] if ids and ids[-1] == self._tokenizer.eos_token_id else ids

    def _render(self, user: str) -> str:
        messages = [{"role": "user", "content": user}]
        if self._system is not None:
            messages.insert(0, {"role": "system", "content": self._system})
        rendered: str = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        return rendered
