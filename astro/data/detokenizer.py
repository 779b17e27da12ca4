"""Decoding of token ids to text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

Ids = tuple[int, ...]

_CONTEXT = 6
_BYTES = 4
"""The maximum number of bytes of a character in UTF-8, and so of tokens that write one."""


class Detokenizer:
    """Decodes token ids. Special tokens, such as the end of sequence, have no text."""

    def __init__(self, tokenizer: Any) -> None:
        # The object inside transformers' wrapper, because the wrapper takes longer than decoding.
        self._tokenizer = tokenizer.backend_tokenizer if tokenizer.is_fast else tokenizer
        self._options = {} if tokenizer.is_fast else {"clean_up_tokenization_spaces": False}
        self._head = lru_cache(maxsize=8192)(self._decode)
        self.special = lru_cache(maxsize=8192)(self._special)

    def text(self, before: Sequence[int], token_ids: Sequence[int]) -> str:
        """Return the text that `token_ids` add to the text of `before`.

        They are decoded together with the last tokens of `before`, since some tokenizers write the
        leading space of a word only if text precedes it.
        """
        context = tuple(before[-_CONTEXT:])
        head = self._head(context)
        whole = self._decode([*context, *token_ids])
        return whole[len(head) :] if whole.startswith(head) else self._decode(token_ids)

    def vocabulary(self, size: int) -> list[str]:
        """Return the text of each token alone."""
        return [self._decode([token]) for token in range(size)]

    def borders(self, before: Ids, token_ids: Ids, texts: Sequence[str]) -> list[tuple[int, bool]]:
        """Find where each of `texts`, which follow one another, ends in `token_ids`.

        Args:
            before: The tokens before `token_ids`.
            token_ids: The tokens of the concatenated texts, or of more than these.
            texts: The texts, in order.

        Returns:
            For each text, how many of `token_ids` write it and all texts before it, and whether
            they write no more than that. A token that writes the end of one text and the start of
            the next one is counted to the former.
        """
        found: list[tuple[int, bool]] = []
        start, wanted = 0, ""
        for text in texts:
            wanted += text
            length, exact = self._prefix(before + token_ids[:start], token_ids[start:], wanted)
            found.append((start + length, exact))
            if exact:
                start, wanted = start + length, ""
        return found

    def _prefix(self, before: Ids, token_ids: Ids, text: str) -> tuple[int, bool]:
        """How many of the first tokens write `text`, and whether they write nothing else."""
        most = min(len(token_ids), _BYTES * (len(text) + 2))
        enough = bisect_left(
            range(most), len(text), key=lambda n: len(self.text(before, token_ids[:n]))
        )
        # The first bytes of a character that several tokens write count as one character already.
        for length in range(enough, min(enough + _BYTES, most + 1)):
            if self.text(before, token_ids[:length]) == text:
                return length, True
        return enough, False

    def _special(self, token_id: int) -> bool:
        """Whether a token has no text because it is special."""
        return not self._decode([token_id]) and bool(self._decode([token_id], special=True))

    def _decode(self, token_ids: Sequence[int], special: bool = False) -> str:
        text: str = self._tokenizer.decode(
            list(token_ids), skip_special_tokens=not special, **self._options
        )
        return text
