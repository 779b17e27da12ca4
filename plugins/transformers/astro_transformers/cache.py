"""The key-value cache of a batch whose rows come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

Contents = list[tuple[Tensor, Tensor]]
"""Keys and values of every layer, each `[B, heads, T, dim]`, right-aligned."""

State = dict[int, Tensor]
"""By head dim, one row's keys and values in every layer of that dim, `[heads of all, T, dim]`.

One tensor for most models, so that to copy a state costs a few operations, not some a layer.
"""


class RowCache:
    """Keys and values of `rows` sequences, right-aligned in a window of columns.

    Each layer's buffers are `[row capacity, heads, column capacity, head dim]`; heads and dim may
    differ from layer to layer and from keys to values. Columns `start:end` are the window: row r's
    last token is in column `end - 1`, its first one as far to the left as it is long, and what
    lies further left is another row's past, to be masked. That past has to be finite, because a
    masked NaN would still poison attention: `erase` a row that is not. One forward pass appends
    one column. Rows stay packed in `0:rows`.
    """

    def __init__(self) -> None:
        self.rows = self.start = self.end = 0
        self._capacity = (0, 0)
        self._layers: list[_Layer] = []
        self.past = Cache(layers=self._layers)  # type: ignore[arg-type]  # list is invariant

    @property
    def width(self) -> int:
        return self.end - self.start

    def insert(self, contents: Contents, sources: Tensor) -> None:
        """Add a row for each of `sources` `[N]`, which are rows of right-aligned `contents`."""
        length = contents[0][0].shape[2]
        if not self._layers:
            self._layers += [_Layer(self, *pair) for pair in contents]
        self.reserve(self.rows + len(sources), max(length, self.width))
        added = slice(self.rows, self.rows + len(sources))
        columns = slice(self.end - length, self.end)
        for layer, (keys, values) in zip(self._layers, contents, strict=True):
            layer.keys[added, :, columns] = keys[sources]
            layer.values[added, :, columns] = values[sources]
        self.rows += len(sources)
        self.start = min(self.start, self.end - length)

    def state(self, row: int, length: int) -> State:
        """A copy of a row's last `length` columns."""
        columns = slice(self.end - length, self.end)
        return {
            dim: torch.cat([buffer[row, :, columns] for buffer in buffers])
            for dim, buffers in self._by_dim().items()
        }

    def aligned(self, states: Sequence[State]) -> Contents:
        """Rows from `state` side by side, the shorter ones padded on the left."""
        parts = {}
        for dim, buffers in self._by_dim().items():
            heads = [buffer.shape[1] for buffer in buffers]
            padded = _padded([state[dim] for state in states])
            parts[dim] = iter(torch.split(padded, heads, dim=1))
        return [
            (next(parts[layer.keys.shape[3]]), next(parts[layer.values.shape[3]]))
            for layer in self._layers
        ]

    def erase(self, rows: Sequence[int]) -> None:
        """Zero every column of these rows."""
        for buffer in self._buffers() if rows else ():
            buffer[list(rows)] = 0

    def reserve(self, rows: int, width: int) -> None:
        """Make room for so many rows, a window so wide, and one more column."""
        row_capacity, columns = self._capacity
        if rows <= row_capacity and width <= self.end < columns:
            return
        margin = 64 + width // 2
        self._capacity = (max(row_capacity, 1 << (rows - 1).bit_length()), width + 2 * margin)
        live = self.width
        for layer in self._layers:
            layer.move(self._capacity, self.rows, slice(self.start, self.end), width + margin)
        self.end = width + margin
        self.start = self.end - live

    def appended(self) -> None:
        """A forward pass has written the column `end` of every layer."""
        self.end += 1

    def keep(self, rows: int, width: int, to: Tensor, source: Tensor) -> None:
        """Move rows `source` onto `to`, keep the first `rows` and a window so wide."""
        self.rows = rows
        self.start = self.end - width
        window = slice(self.start, self.end)
        for layer in self._layers if len(to) else ():
            layer.keys[to, :, window] = layer.keys[source, :, window]
            layer.values[to, :, window] = layer.values[source, :, window]

    def clear(self) -> None:
        """Forget everything and free the buffers."""
        self.rows = self.start = self.end = 0
        self._capacity = (0, 0)
        self._layers.clear()

    def _buffers(self) -> list[Tensor]:
        return [buffer for layer in self._layers for buffer in (layer.keys, layer.values)]

    def _by_dim(self) -> dict[int, list[Tensor]]:
        """The buffers of each head dim, layer by layer, keys before values."""
        groups: dict[int, list[Tensor]] = {}
        for buffer in self._buffers():
            groups.setdefault(buffer.shape[3], []).append(buffer)
        return groups


class _Layer(CacheLayerMixin):
    """One layer's buffers, in the shape that transformers' models expect of a cache layer."""

    is_sliding = False

    def __init__(self, window: RowCache, keys: Tensor, values: Tensor) -> None:
        self._window = window
        self.keys: Tensor = _empty_like(keys, (0, 0))
        self.values: Tensor = _empty_like(values, (0, 0))
        self.is_initialized = True

    def move(self, capacity: tuple[int, int], rows: int, columns: slice, end: int) -> None:
        """Into new buffers, with the window's right edge at column `end`."""
        target = slice(end - (columns.stop - columns.start), end)
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = _empty_like(old, capacity)
            new[:rows, :, target] = old[:rows, :, columns]
            setattr(self, name, new)

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Write one column `[rows, heads, 1, dim]`; return the window with it."""
        window = self._window
        rows, end = window.rows, window.end
        self.keys[:rows, :, end : end + 1] = key_states
        self.values[:rows, :, end : end + 1] = value_states
        columns = slice(window.start, end + 1)
        return self.keys[:rows, :, columns], self.values[:rows, :, columns]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._window.width + query_length, 0

    def get_seq_length(self) -> int:
        return self._window.width

    def get_max_length(self) -> int:
        return -1

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to do: the buffers are there from the start."""


def contents(cache: Cache) -> Contents:
    """What a prefill has left in every layer."""
    return [(layer.keys, layer.values) for layer in cache.layers]  # type: ignore[union-attr,misc]


def _padded(rows: Sequence[Tensor]) -> Tensor:
    """`[B, heads, T, dim]` of rows `[heads, T, dim]`, the shorter ones padded on the left."""
    heads, _, dim = rows[0].shape
    width = max(row.shape[1] for row in rows)
    batch = rows[0].new_zeros((len(rows), heads, width, dim))
    for i, row in enumerate(rows):
        batch[i, :, width - row.shape[1] :] = row
    return batch


def _empty_like(buffer: Tensor, capacity: tuple[int, int]) -> Tensor:
    """Zeros, not uninitialized memory: a masked NaN would still poison attention."""
    _, heads, _, dim = buffer.shape
    return torch.zeros(
        (capacity[0], heads, capacity[1], dim), dtype=buffer.dtype, device=buffer.device
    )
