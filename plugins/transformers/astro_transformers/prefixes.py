"""Keys and values of steps that a search may continue, so that their tokens are computed once."""

from __future__ import annotations

from collections import OrderedDict

from astro_transformers.cache import State


class PrefixStore:
    """States by the tokens they hold, at most `limit` bytes of them.

    What has not been asked for the longest is dropped first.
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
        """The state of exactly these tokens, if it is there."""
        state = self._states.get(token_ids)
        if state is not None:
            self._states.move_to_end(token_ids)
        return state

    def put(self, token_ids: tuple[int, ...], state: State) -> None:
        """Keep `state`, which nobody else may change."""
        if _nbytes(state) > self.limit:
            return
        self._bytes += _nbytes(state) - _nbytes(self._states.pop(token_ids, {}))
        self._states[token_ids] = state
        while self._bytes > self.limit:
            _, dropped = self._states.popitem(last=False)
            self._bytes -= _nbytes(dropped)

    def clear(self) -> None:
        self._states.clear()
        self._bytes = 0


def _nbytes(state: State) -> int:
    return sum(tensor.nbytes for tensor in state.values())
