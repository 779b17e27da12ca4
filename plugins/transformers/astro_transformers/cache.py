"""The key-value cache of a batch to which rows are added and from which they are removed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

Contents = list[tuple[Tensor, Tensor]]
"""Keys and values of every layer, each `[B, heads, T, dim]`, right-aligned."""

Cells = dict[int, Tensor]
"""Head dim -> keys and values of N tokens in all layers with that dim, `[N, heads of all, dim]`.

Most models need one tensor only, so that copies of tokens take few operations in all.
"""

_STEPS = 16
"""Columns that a limited cache keeps free for each of several rows, as each growth is a copy."""


class RowCache:
    """Keys and values of `rows` sequences, right-aligned in a window of columns.

    The buffers of each layer are `[row capacity, heads, column capacity, head dim]`; heads and dim
    may differ between layers and between keys and values. Columns `start:end` are the window: the
    last token of a row of length n is in column `end - 1` and its first token in column `end - n`.
    Columns to the left of that hold data of earlier rows and have to be masked. They have to be
    finite, because a masked NaN would still make the output NaN: call `erase` for rows that are
    not. One forward pass appends one column. The rows in use are always `0:rows`.

    Args:
        limit: The number of tokens for which keys and values are reserved at most: row capacity
            times column capacity. The caller keeps to `rows_of`.
    """

    def __init__(self, limit: int = sys.maxsize) -> None:
        self.limit = limit
        self.rows = self.start = self.end = 0
        self._capacity = (0, 0)
        self._layers: list[_Layer] = []
        self.past = Cache(layers=self._layers)  # type: ignore[arg-type]  # list is invariant

    @property
    def width(self) -> int:
        """The number of columns in the window."""
        return self.end - self.start

    def rows_of(self, width: int) -> int:
        """Return the number of rows for which a window of `width` columns fits and can grow.

        A row alone always counts as fitting; it may have `limit - 1` columns.
        """
        return max(1, self.limit // (width + _STEPS))

    def insert(self, contents: Contents, sources: Tensor) -> None:
        """Append copies of the rows `sources` `[N]` of right-aligned `contents`."""
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

    def cells(self, rows: Tensor, columns: Tensor) -> Cells:
        """Return copies of keys and values at these places, both `[N]`."""
        return cells([(layer.keys, layer.values) for layer in self._layers], rows, columns)

    def erase(self, rows: Sequence[int]) -> None:
        """Set all columns of these rows to 0."""
        for buffer in self._buffers() if rows else ():
            buffer[list(rows)] = 0

    def reserve(self, rows: int, width: int) -> None:
        """Make room for `rows` rows, a window of `width` columns, and one more column."""
        row_capacity, columns = self._capacity
        if rows <= row_capacity and width <= self.end < columns:
            return
        margin = 64 + width // 2
        wanted = width + 2 * margin
        columns = columns if wanted <= columns <= 2 * wanted else wanted
        row_capacity = max(row_capacity, 1 << (rows - 1).bit_length())
        if row_capacity * columns > self.limit:
            row_capacity, columns = rows, min(wanted, self.limit // rows)
        self._capacity = (row_capacity, columns)
        end = min(width + margin, columns - min(margin, columns - width))
        live = self.width
        for layer in self._layers:
            layer.move(self._capacity, self.rows, slice(self.start, self.end), end)
        self.end = end
        self.start = self.end - live

    def appended(self) -> None:
        """Add column `end` to the window, which a forward pass has written in every layer."""
        self.end += 1

    def keep(self, rows: int, width: int, to: Tensor, source: Tensor) -> None:
        """Copy rows `source` to rows `to`, then keep `rows` rows and the last `width` columns."""
        self.rows = rows
        self.start = self.end - width
        window = slice(self.start, self.end)
        for layer in self._layers if len(to) else ():
            layer.keys[to, :, window] = layer.keys[source, :, window]
            layer.values[to, :, window] = layer.values[source, :, window]

    def clear(self) -> None:
        """Remove all rows and free the buffers."""
        self.rows = self.start = self.end = 0
        self._capacity = (0, 0)
        self._layers.clear()

    def _buffers(self) -> list[Tensor]:
        return [buffer for layer in self._layers for buffer in (layer.keys, layer.values)]


class _Layer(CacheLayerMixin):
    """The buffers of one layer, with the interface of a cache layer of transformers."""

    is_sliding = False

    def __init__(self, window: RowCache, keys: Tensor, values: Tensor) -> None:
        self._window = window
        self.keys: Tensor = _empty_like(keys, (0, 0))
        self.values: Tensor = _empty_like(values, (0, 0))
        self.is_initialized = True

    def move(self, capacity: tuple[int, int], rows: int, columns: slice, end: int) -> None:
        """Move the window to buffers of this capacity, where it ends at column `end`."""
        target = slice(end - (columns.stop - columns.start), end)
        for name in ("keys", "values"):
            old = getattr(self, name)
            same = (old.shape[0], old.shape[2]) == capacity
            new = old if same else _empty_like(old, capacity)
            new[:rows, :, target] = (
                old[:rows, :, columns].clone() if same else old[:rows, :, columns]
            )
            setattr(self, name, new)

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Write one column `[rows, heads, 1, dim]`, and return the window that ends with it."""
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
        """Do nothing, because the buffers exist from the start."""


def contents(cache: Cache) -> Contents:
    """Return the keys and values that a prefill has written in every layer."""
    return [(layer.keys, layer.values) for layer in cache.layers]  # type: ignore[union-attr,misc]


def cells(source: Contents, rows: Tensor, columns: Tensor) -> Cells:
    """Return copies of keys and values at these places, both `[N]`."""
    return {
        dim: torch.cat([buffer[rows, :, columns] for buffer in buffers], dim=1)
        for dim, buffers in _by_dim(source).items()
    }


def aligned(read: Cells, like: Contents) -> Contents:
    """Return cells `[B, T, heads of all, dim]` as contents of layers that are shaped as `like`."""
    parts = {
        dim: iter(read[dim].transpose(1, 2).split([b.shape[1] for b in buffers], dim=1))
        for dim, buffers in _by_dim(like).items()
    }
    return [(next(parts[keys.shape[3]]), next(parts[values.shape[3]])) for keys, values in like]


def _by_dim(source: Contents) -> dict[int, list[Tensor]]:
    """The buffers of each head dim, layer by layer, keys before values."""
    groups: dict[int, list[Tensor]] = {}
    for pair in source:
        for buffer in pair:
            groups.setdefault(buffer.shape[3], []).append(buffer)
    return groups


def _empty_like(buffer: Tensor, capacity: tuple[int, int]) -> Tensor:
    """Zeros rather than uninitialized memory: a masked NaN would still make the output NaN."""
    _, heads, _, dim = buffer.shape
    return torch.zeros(
        (capacity[0], heads, capacity[1], dim), dtype=buffer.dtype, device=buffer.device
    )
