"""Finds stop strings in the text of sampled tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from astro.data.detokenizer import Detokenizer


class StopTable:
    """The tokens that may complete a stop string, so that text is decoded only after these."""

    def __init__(self, detokenizer: Detokenizer, vocab_size: int) -> None:
        self._detokenizer = detokenizer
        self._texts: list[str] = []
        self._index: dict[tuple[str, ...], int] = {(): 0}
        self._masks = np.zeros((1, vocab_size), dtype=np.bool_)

    def index(self, stop: tuple[str, ...]) -> int:
        """Return the row of the table for these stop strings."""
        if stop not in self._index:
            mask = np.array([_may_end(text, stop) for text in self._vocabulary()])
            self._masks = np.vstack([self._masks, mask])
            self._index[stop] = len(self._masks) - 1
        return self._index[stop]

    def candidates(self, index: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each token `[B]` may complete a stop string of its row `index` `[B]`."""
        found: NDArray[np.bool_] = self._masks[index, tokens]
        return found

    def _vocabulary(self) -> list[str]:
        if not self._texts:
            self._texts = self._detokenizer.vocabulary(self._masks.shape[1])
        return self._texts


def stop_end(text: str, stop: Sequence[str]) -> int | None:
    """Return the end of the stop string in `text` that ends first; None if there is none."""
    ends = [at + len(word) for word in stop if word and (at := text.find(word)) >= 0]
    return min(ends, default=None)


def tail_tokens(stop: Sequence[str]) -> int:
    """Return how many of the last tokens are sure to contain a stop string that has just ended.

    A character takes at most four tokens, because it has at most four bytes in UTF-8.
    """
    return 4 * max(map(len, stop)) + 8


def _may_end(text: str, stop: Sequence[str]) -> bool:
    """Whether a token may end a stop string.

    Joining tokens may write spaces, and several tokens may write one character.
    """
    last = {word[-1] for word in stop if word}
    return (
        any(char in text for char in last)
        or any(char.isspace() and char != "\n" for char in last)
        or ("\ufffd" in text and any(not char.isascii() for char in last))
    )
