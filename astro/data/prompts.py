"""Encoding of prompts: the chat template or the raw text, then the response so far."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from astro.data.chat import QUESTION, ChatTemplate
from astro.data.control import control_tokens
from astro.data.detokenizer import Detokenizer, Ids
from astro.errors import PolicyError
from astro.plugins.binding import DEFAULT_PROMPT, PromptConfig
from astro.types import Prompt

_ANCHORS = ("\n", "a", "")
"""Texts with which the start of a response is unlikely to share a token."""
_OF_CHATS = {
    "system": "a system message needs",
    "template_kwargs": "variables of a template need",
    "stage_systems": "system messages need",
    "template": "the name of a template needs",
}
"""The keys of `prompt` that need a chat template."""


class PromptEncoder:
    """Encodes prompts as a model reads them.

    Raw prompts start with a beginning-of-sequence token only if the tokenizer adds one.

    Attributes:
        chat: The chat template; None if prompts are raw.
        notices: Lines about what a user should know of the prompts. Each is logged once.

    Raises:
        PolicyError: The tokenizer has no chat template, and `config` needs one; or the template
            cannot write a prompt.
    """

    def __init__(self, tokenizer: Any, config: PromptConfig = DEFAULT_PROMPT) -> None:
        self._tokenizer = tokenizer
        self.chat = _template(tokenizer, config)
        self._talks = self.chat is not None and self.chat.shown.before is not None
        self._prefix = config.response_prefix
        self.detokenizer = Detokenizer(tokenizer)
        self._rendered = lru_cache(maxsize=8192)(self.chat.prompt) if self.chat else None
        self.user = lru_cache(maxsize=8192)(self._whole)
        self.response = lru_cache(maxsize=8)(self._response)
        self.notices = tuple(filter(None, self._notices(config)))
        for line in self.notices:
            _warn(line)

    def encode(self, prompt: Prompt) -> Ids:
        """Return the ids of the whole context. `prompt.token_ids` are used unchanged."""
        rest = prompt.tail if prompt.token_ids else prompt.response
        begun = replace(prompt, response=prompt.response.removesuffix(rest), tail="")
        return self.start(prompt) + prompt.token_ids + self.following(begun, rest)

    def start(self, prompt: Prompt) -> Ids:
        """Return the ids before the whole response to a prompt.

        If the chat template writes no dialogues, the user message is asked instead of the turns.
        """
        return self.user(prompt.user, prompt.turns)

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

        It is `eos_token_id` for raw prompts, and if the chat template closes the turn with text
        alone. None if the tokenizer has no such token either.
        """
        closing = self._closing()
        default: int | None = self._tokenizer.eos_token_id
        return default if closing is None else closing

    def end_ids(self) -> frozenset[int]:
        """Return all tokens with which a sample ends: `end_id` and the control tokens."""
        end = self.end_id()
        return control_tokens(self._tokenizer) | ({end} if end is not None else set())

    def _candidates(self, prompt: Prompt, text: str, after: str) -> Iterator[Ids]:
        for behind in dict.fromkeys((after, "")):
            written = prompt.response + text + behind
            ids = self.response(prompt.user, written, prompt.turns)
            before = () if ids is None else self.start(prompt)
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

    def _response(self, user: str, response: str, turns: tuple[str, ...] = ()) -> Ids | None:
        """The ids of a response encoded together with its prompt; None if a token is in both."""
        prompt, whole = self.user(user, turns), self._whole(user, turns, response)
        return whole[len(prompt) :] if whole[: len(prompt)] == prompt else None

    def _whole(self, user: str, turns: tuple[str, ...] = (), response: str = "") -> Ids:
        if self._rendered:
            return self.text(self._rendered((self._talks and turns) or (user,)) + response)
        ids = tuple(self._tokenizer(user + self._prefix + response)["input_ids"])
        return ids[:-1] if ids and ids[-1] == self._tokenizer.eos_token_id else ids

    def _closing(self) -> int | None:
        """The first mark after an answer, unless it belongs to a header.

        Turns may begin with the same token, and a template may append the header of an answer to
        every dialogue.
        """
        shown = self.chat.shown if self.chat else None
        if shown is None or shown.before is None or shown.after is None:
            return None
        header = self._marks(shown.before.partition(QUESTION)[0])[-1:]
        closing = self._marks(shown.after)[:1]
        is_header = closing == header or shown.before.endswith(shown.after)
        return closing[0] if closing and not is_header else None

    def _marks(self, text: str) -> list[int]:
        """The special tokens of a text, and the ones that were added to a vocabulary."""
        added = self._tokenizer.added_tokens_decoder
        return [i for i in self.text(text) if i in added or self.detokenizer.special(i)]

    def _notices(self, config: PromptConfig) -> Iterator[str]:
        if self.chat is None:
            if config.style == "auto":
                yield "no chat template: prompts are raw; prompt.style: raw says that this is meant"
            return
        yield self.chat.difference()
        shown = self.chat.shown
        closing = (shown.after or "").strip()
        is_header = (shown.before or "").rstrip().endswith(closing)
        if closing and self._closing() is None and not is_header:
            yield (
                f"the chat template closes an answer by {closing!r:.80}, which is not one token; "
                "a sample ends with the tokenizer's end of sequence alone"
            )


def _template(tokenizer: Any, config: PromptConfig) -> ChatTemplate | None:
    """The chat template; None if prompts are raw."""
    has_template = bool(tokenizer.chat_template)
    if config.style == "chat" or (config.style == "auto" and has_template):
        if not has_template:
            raise PolicyError("the tokenizer has no chat template", "set prompt.style: raw")
        return ChatTemplate(tokenizer, config)
    for key, what in _OF_CHATS.items():
        if getattr(config, key):
            raise PolicyError(f"{what} a chat template", f"remove prompt.{key}")
    return None


@cache
def _warn(line: str) -> None:
    """Log a line once in this process."""
    logging.getLogger(__name__).warning(line)
