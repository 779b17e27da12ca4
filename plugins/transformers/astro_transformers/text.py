"""From sampled tokens to text, and where a stop string ends it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CONTEXT = 6


class Detokenizer:
    """The text of sampled tokens. Special tokens, the end of sequence among them, have none."""

    def __init__(self, tokenizer: Any) -> None:
        # Without transformers' wrapper around it, which takes longer than the decoding.
        self._tokenizer = tokenizer.backend_tokenizer if tokenizer.is_fast else tokenizer
        self._options = {} if tokenizer.is_fast else {"clean_up_tokenization_spaces": False}
        self._head = lru_cache(maxsize=8192)(self._decode)

    def text(self, prompt: Sequence[int], token_ids: Sequence[int]) -> str:
        """What `token_ids` add to the end of `prompt`.

        Decoded together with the prompt's last tokens, since some tokenizers write a word's
        leading space only where something stands before it.
        """
        before = tuple(prompt[-_CONTEXT:])
        head = self._head(before)
        whole = self._decode([*before, *token_ids])
        return whole[len(head) :] if whole.startswith(head) else self._decode(token_ids)

    def vocabulary(self, size: int) -> list[str]:
        """The text of each token alone."""
        return [self._decode([token]) for token in range(size)]

    def _decode(self, token_ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(
            list(token_ids), skip_special_tokens=True, **self._options
        )
        return text


class StopTable:
    """Which tokens may complete a stop string, so that only they cost a look at the text."""

    def __init__(self, detokenizer: Detokenizer, vocab_size: int) -> None:
        self._detokenizer = detokenizer
        self._texts: list[str] = []
        self._index: dict[tuple[str, ...], int] = {(): 0}
        self._masks = np.zeros((1, vocab_size), dtype=np.bool_)

    def index(self, stop: tuple[str, ...]) -> int:
        """The row of this table for a request's stop strings."""
        if stop not in self._index:
            mask = np.array([_may_end(text, stop) for text in self._vocabulary()])
            self._masks = np.vstack([self._masks, mask])
            self._index[stop] = len(self._masks) - 1
        return self._index[stop]

    def candidates(self, index: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of `tokens` `[B]` may complete a stop string of row `index` `[B]`."""
        found: NDArray[np.bool_] = self._masks[index, tokens]
        return found

    def _vocabulary(self) -> list[str]:
        if not self._texts:
            self._texts = self._detokenizer.vocabulary(self._masks.shape[1])
        return self._texts


def stop_end(text: str, stop: Sequence[str]) -> int | None:
    """Where the first stop string in `text` ends, if there is one."""
    ends = [at + len(word) for word in stop if word and (at := text.find(word)) >= 0]
    return min(ends, default=None)


def tail_tokens(stop: Sequence[str]) -> int:
    """How many last tokens surely hold a stop string that has just ended.

    A character takes at most four tokens (its UTF-8 bytes).
    """
    return 4 * max(map(len, stop)) + 8


def _may_end(text: str, stop: Sequence[str]) -> bool:
    """Joining tokens may write spaces, and several tokens may write one character."""
    last = {word[-1] for word in stop if word}
    return (
        any(char in text for char in last)
        or any(char.isspace() and char != "\n" for char in last)
        or ("\ufffd" in text and any(not char.isascii() for char in last))
    )
