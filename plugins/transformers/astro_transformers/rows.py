"""The sequences being decoded, as arrays, so that a token needs no Python loop over sequences."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ARRAYS = (
    "key",
    "temperature",
    "top_p",
    "stop",
    "last",
    "context",
    "generated",
    "limit",
    "tokens",
    "logprobs",
)


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One sample to decode.

    Attributes:
        prompt: The token ids of the context.
        key: The key of its stream of random numbers; see `sample_key`.
        temperature: The sampling temperature, >= 0; 0 is greedy.
        top_p: The probability mass of nucleus sampling, in (0, 1].
        stop: The stop strings.
        limit: The maximum number of tokens, >= 1.
        owner: The job that the sample belongs to.
        index: The index of the sample within the job.
    """

    prompt: tuple[int, ...]
    key: int
    temperature: float
    top_p: float
    stop: tuple[str, ...]
    limit: int
    owner: Any
    index: int


class Rows:
    """Arrays whose row r belongs to `sequences[r]`; the rows in use come first, as in `RowCache`.

    `context` is the number of tokens in the key-value cache, and `last` is the token that follows
    them. `generated` is the number of sampled tokens, which are in `tokens` and `logprobs`, both
    `[capacity, maximum number of tokens]`.
    """

    def __init__(self, capacity: int) -> None:
        self.sequences: list[Sequence] = []
        self.key = np.zeros(capacity, np.uint64)
        self.temperature = np.zeros(capacity)
        self.top_p = np.zeros(capacity)
        self.stop = np.zeros(capacity, np.int64)
        self.last = np.zeros(capacity, np.int64)
        self.context = np.zeros(capacity, np.int64)
        self.generated = np.zeros(capacity, np.int64)
        self.limit = np.zeros(capacity, np.int64)
        self.tokens = np.zeros((capacity, 64), np.int64)
        self.logprobs = np.zeros((capacity, 64), np.float32)

    def __len__(self) -> int:
        return len(self.sequences)

    def add(self, sequences: Seq[Sequence], stop: Seq[int], *, context: Seq[int]) -> None:
        """Append sequences.

        Args:
            sequences: The sequences.
            stop: The row of each in the `StopTable`.
            context: The number of first prompt tokens of each that are in the cache.
        """
        new = slice(len(self), len(self) + len(sequences))
        self.key[new] = [s.key for s in sequences]
        self.temperature[new] = [s.temperature for s in sequences]
        self.top_p[new] = [s.top_p for s in sequences]
        self.context[new] = context
        self.last[new] = [s.prompt[-1] for s in sequences]
        self.limit[new] = [s.limit for s in sequences]
        self.stop[new] = stop
        self.generated[new] = 0
        self.sequences += sequences

    def append(self, start: int, tokens: NDArray[np.int64], logprobs: NDArray[np.float32]) -> None:
        """Record one sampled token for each row from `start` on."""
        rows = np.arange(start, len(self))
        at = self.generated[rows]
        if at.size and at.max() >= self.tokens.shape[1]:
            self.tokens = np.hstack([self.tokens, np.zeros_like(self.tokens)])
            self.logprobs = np.hstack([self.logprobs, np.zeros_like(self.logprobs)])
        self.tokens[rows, at] = tokens
        self.logprobs[rows, at] = logprobs
        self.last[rows] = tokens
        self.generated[rows] += 1

    def token_ids(self, row: int) -> list[int]:
        """Return the sampled token ids of a row."""
        ids: list[int] = self.tokens[row, : self.generated[row]].tolist()
        return ids

    def token_logprobs(self, row: int) -> list[float]:
        """Return the log-probabilities of a row's sampled tokens."""
        logprobs: list[float] = self.logprobs[row, : self.generated[row]].tolist()
        return logprobs

    def remove(self, rows: Seq[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Remove rows, filling gaps with the last rows. Returns the moves (to, source), `[M]`."""
        kept = len(self) - len(rows)
        gone = set(rows)
        to = np.array(sorted(row for row in gone if row < kept), np.int64)
        source = np.array([r for r in range(kept, len(self)) if r not in gone], np.int64)
        for name in _ARRAYS:
            array = getattr(self, name)
            array[to] = array[source]
        for target, origin in zip(to, source, strict=True):
            self.sequences[target] = self.sequences[origin]
        del self.sequences[kept:]
        return to, source
