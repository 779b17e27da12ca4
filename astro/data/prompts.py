"""Encoding of prompts: the chat template or the raw text, then the response so far."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from astro.data.control import control_tokens
from astro.data.detokenizer import Detokenizer, Ids
from astro.errors import PolicyError
from astro.plugins.binding import DEFAULT_PROMPT, PromptConfig
from astro.types import Prompt

_ANCHORS = ("\n", "a", "")
"""Texts with which the start of a response is unlikely to share a token."""
_QUESTION, _ANSWER = "What is 6 * 7?", "The answer is 42."


class PromptEncoder:
    """Encodes prompts as a model reads them.

    Raw prompts start with a beginning-of-sequence token only if the tokenizer adds one.

    Raises:
        PolicyError: The tokenizer has no chat template, and `config` needs one.
    """

    def __init__(self, tokenizer: Any, config: PromptConfig = DEFAULT_PROMPT) -> None:
        has_template = bool(tokenizer.chat_template)
        self._tokenizer = tokenizer
        self._config = config
        self._chat = config.style == "chat" or (config.style == "auto" and has_template)
        if self._chat and not has_template:
            raise PolicyError("the tokenizer has no chat template", "set prompt.style: raw")
        if config.system is not None and not self._chat:
            raise PolicyError("a system message needs a chat template", "remove prompt.system")
        if config.template_kwargs and not self._chat:
            raise PolicyError(
                "variables of a template need a chat template", "remove prompt.template_kwargs"
            )
        self.detokenizer = Detokenizer(tokenizer)
        self._rendered = lru_cache(maxsize=8192)(self._prompt)
        self.user = lru_cache(maxsize=8192)(self._whole)
        self.response = lru_cache(maxsize=8)(self._response)

    def encode(self, prompt: Prompt) -> Ids:
        """Return the ids of the whole context. `prompt.token_ids` are used unchanged."""
        rest = prompt.tail if prompt.token_ids else prompt.response
        begun = Prompt(prompt.user, prompt.response.removesuffix(rest), prompt.token_ids)
        return self.user(prompt.user) + prompt.token_ids + self.following(begun, rest)

    def following(self, prompt: Prompt, text: str, after: str = "") -> Ids:
        """Return the ids of `text` between `prompt` and the text `after`.

        They are the ids in the running text, which is encoded in one piece. If a token of the
        running text crosses a border of `text`, other ids are returned that decode to `text` after
        `prompt`. If no ids decode to it, the ids of `text` alone are returned.
        """
        if not text:
            return ()
        before = self.encode(prompt)
        for ids in self._candidates(prompt, text, after):
            if self.detokenizer.text(before, ids) == text:
                return ids
        return self.text(text)

    def text(self, text: str) -> Ids:
        """Return the ids of a text alone, without additional special tokens."""
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()

    def knows(self, ids: Ids) -> bool:
        """Return whether all of `ids` are tokens of the tokenizer."""
        return all(0 <= token < len(self._tokenizer) for token in ids)

    def end_id(self) -> int | None:
        """Return the token that ends a response: the one that closes the assistant's turn.

        It is `eos_token_id` for raw prompts, and if the chat template closes the turn without a
        special token. None if the tokenizer has no such token either.
        """
        closing = self._closing() if self._chat else None
        default: int | None = self._tokenizer.eos_token_id
        return default if closing is None else closing

    def end_ids(self) -> frozenset[int]:
        """Return all tokens with which a sample ends: `end_id` and the control tokens."""
        end = self.end_id()
        return control_tokens(self._tokenizer) | ({end} if end is not None else set())

    def _candidates(self, prompt: Prompt, text: str, after: str) -> Iterator[Ids]:
        for behind in dict.fromkeys((after, "")):
            written = prompt.response + text + behind
            ids = self.response(prompt.user, written)
            before = () if ids is None else self.user(prompt.user)
            yield from self._part(
                before, self.text(written) if ids is None else ids, prompt.response, text
            )
        for anchor in _ANCHORS:
            yield from self._part((), self.text(anchor + text), anchor, text)

    def _part(self, before: Ids, ids: Ids, first: str, text: str) -> Iterator[Ids]:
        """The ids of `text`, which follows `first` in `ids`, unless a token crosses its borders."""
        (start, starts), (stop, stops) = self.detokenizer.borders(before, ids, (first, text))
        if starts and stops:
            yield ids[start:stop]

    def _response(self, user: str, response: str) -> Ids | None:
        """The ids of a response encoded together with its prompt; None if a token is in both."""
        prompt, whole = self.user(user), self._whole(user, response)
        return whole[len(prompt) :] if whole[: len(prompt)] == prompt else None

    def _whole(self, user: str, response: str = "") -> Ids:
        if self._chat:
            return self.text(self._rendered(user) + response)
        ids = tuple(self._tokenizer(user + response)["input_ids"])
        return ids[:-1] if ids and ids[-1] == self._tokenizer.eos_token_id else ids

    def _prompt(self, user: str) -> str:
        return self._render({"role": "user", "content": user})

    def _closing(self) -> int | None:
        """The first special token after an answer, unless it belongs to a header.

        Turns may begin with the same token, and a template may append the header of an answer to
        every dialogue.
        """
        turns = ({"role": "user", "content": _QUESTION}, {"role": "assistant", "content": _ANSWER})
        try:
            before, found, after = self._render(*turns, generation=False).rpartition(_ANSWER)
        except Exception:  # a template is a program, and may raise anything
            return None
        header = self._special(before.partition(_QUESTION)[0])[-1:]
        closing = self._special(after)[:1]
        is_header = closing == header or before.endswith(after)
        return closing[0] if found and closing and not is_header else None

    def _special(self, text: str) -> list[int]:
        return [token for token in self.text(text) if self.detokenizer.special(token)]

    def _render(self, *turns: dict[str, str], generation: bool = True) -> str:
        content, kwargs = self._config.system, self._config.template_kwargs
        system = [] if content is None else [{"role": "system", "content": content}]
        rendered: str = self._tokenizer.apply_chat_template(
            [*system, *turns], add_generation_prompt=generation, tokenize=False, **kwargs
        )
        return rendered
