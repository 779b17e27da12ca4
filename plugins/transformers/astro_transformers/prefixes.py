"""Keys and values of steps that a search may continue, so that their tokens are computed once."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor


class PrefixStore:
    """States `[layers, 2, heads, T, dim]` by the T tokens they hold, at most `limit` bytes of them.

    What has not been asked for the longest is dropped first.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._states: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._states)

    def __contains__(self, token_ids: tuple[int, ...]) -> bool:
        return token_ids in self._states

    def get(self, token_ids: tuple[int, ...]) -> Tensor | None:
        """The states of exactly these tokens, if they are there."""
        states = self._states.get(token_ids)
        if states is not None:
            self._states.move_to_end(token_ids)
        return states

    def put(self, token_ids: tuple[int, ...], states: Tensor) -> None:
        """Keep `states`, which nobody else may change."""
        if states.nbytes > self._limit:
            return
        replaced = self._states.pop(token_ids, None)
        self._bytes += states.nbytes - (0 if replaced is None else replaced.nbytes)
        self._states[token_ids] = states
        while self._bytes > self._limit:
            _, dropped = self._states.popitem(last=False)
            self._bytes -= dropped.nbytes

    def clear(self) -> None:
        self._states.clear()
        self._bytes = 0
