"""Where a stop string ends the text of sampled tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from astro.data.detokenizer import Detokenizer


class StopTable:
    """The tokens that may complete a stop string, so that text is decoded for these only."""

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
