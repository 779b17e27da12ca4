"""Stores keys and values of steps that a search may continue, so they are computed only once."""

from __future__ import annotations

from collections import OrderedDict

from astro_transformers.cache import State


class PrefixStore:
    """A cache of states by their token ids, of at most `limit` bytes.

    The least recently used state is dropped first.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._states: OrderedDict[tuple[int, ...], State] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._states)

    def __contains__(self, token_ids: tuple[int, ...]) -> bool:
        return token_ids in self._states

    def get(self, token_ids: tuple[int, ...]) -> State | None:
        """Return the state of exactly these tokens, if it is stored."""
        state = self._states.get(token_ids)
        if state is not None:
            self._states.move_to_end(token_ids)
        return state

    def put(self, token_ids: tuple[int, ...], state: State) -> None:
        """Store `state`, which must not be modified afterwards."""
        if _nbytes(state) > self.limit:
            return
        self._bytes += _nbytes(state) - _nbytes(self._states.pop(token_ids, {}))
        self._states[token_ids] = state
        while self._bytes > self.limit:
            _, dropped = self._states.popitem(last=False)
            self._bytes -= _nbytes(dropped)

    def clear(self) -> None:
        """Remove all states."""
        self._states.clear()
        self._bytes = 0


def _nbytes(state: State) -> int:
    return sum(tensor.nbytes for tensor in state.values())
