from __future__ import annotations

import sys

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.cache_utils import DynamicCache

from astro_transformers.cache import RowCache, aligned, contents

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.lists(st.integers(1, 90), min_size=1, max_size=4)),
        st.tuples(st.just("append"), st.integers(1, 80)),
        st.tuples(st.just("resume"), st.integers(1, 90)),
        st.tuples(st.just("drop"), st.integers(0, 7)),
        st.tuples(st.just("fail"), st.integers(0, 7)),
    ),
    max_size=12,
)
SHAPES = (((1, 3), (1, 2)), ((2, 1), (3, 3)))
"""Heads and dim of the keys and of the values, layer by layer."""


def spread(columns: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of each layer: `columns` `[B, T]` in every head and feature, and minus it."""
    whole = columns[:, None, :, None]
    return [
        (whole.expand(-1, a, -1, b).clone(), -whole.expand(-1, c, -1, d))
        for (a, b), (c, d) in SHAPES
    ]


class Model:
    """A cache and, beside it, what is in each row's columns as a plain list."""

    def __init__(self, limit: int = sys.maxsize) -> None:
        self.cache = RowCache(limit)
        self.rows: list[list[float]] = []
        self._next = 0.0

    def insert(self, lengths: list[int]) -> None:
        """Rows of these lengths, the first of them twice."""
        width = max(lengths)
        prompts = [[self.fresh() for _ in range(length)] for length in lengths]
        padded = torch.tensor([[-1.0] * (width - len(p)) + p for p in prompts])
        past = DynamicCache()
        for layer, pair in enumerate(spread(padded)):
            past.update(*pair, layer)
        sources = [0, *range(len(lengths))]
        self.cache.insert(contents(past), torch.tensor(sources))
        self.rows += [list(prompts[i]) for i in sources]

    def append(self, count: int) -> None:
        for _ in range(count if self.rows else 0):
            self.cache.reserve(len(self.rows), self.cache.width)
            column = torch.tensor([self.fresh() for _ in self.rows])[:, None]
            for layer, pair in enumerate(spread(column)):
                self.cache.past.update(*pair, layer)
            self.cache.appended()
            for row, value in zip(self.rows, column.flatten().tolist(), strict=True):
                row.append(value)

    def resume(self, length: int) -> None:
        """The last columns of the first rows, at most so many, once more as rows of their own."""
        kept = [row[-length:] for row in self.rows[:3]]
        if not kept:
            return
        end, width = self.cache.end, max(map(len, kept))
        rows = torch.arange(len(kept)).repeat_interleave(width)
        columns = torch.arange(end - width, end).repeat(len(kept))
        read = {
            dim: cells.unflatten(0, (len(kept), width))
            for dim, cells in self.cache.cells(rows, columns).items()
        }
        like = [(layer.keys, layer.values) for layer in self.cache.past.layers]
        self.cache.insert(aligned(read, like), torch.arange(len(kept)))
        self.rows += kept

    def drop(self, row: int) -> None:
        if row >= len(self.rows):
            return
        last = len(self.rows) - 1
        moves = ([row], [last]) if row < last else ([], [])
        self.rows[row] = self.rows[last]
        self.rows.pop()
        width = max(map(len, self.rows), default=0)
        to, source = (torch.tensor(move, dtype=torch.long) for move in moves)
        self.cache.keep(last, width, to, source)

    def fail(self, row: int) -> None:
        if row >= len(self.rows):
            return
        for layer in self.cache.past.layers:
            layer.keys[row, :, self.cache.start : self.cache.end] = torch.nan
            layer.values[row, :, self.cache.start : self.cache.end] = torch.nan
        self.cache.erase([row])
        self.drop(row)

    def fresh(self) -> float:
        self._next += 1
        return self._next

    def check(self) -> None:
        assert self.cache.rows == len(self.rows)
        assert self.cache.width == max(map(len, self.rows), default=0)
        columns = slice(self.cache.start, self.cache.end)
        for i, row in enumerate(self.rows):
            for layer, pair in zip(
                self.cache.past.layers, spread(torch.tensor([row])), strict=True
            ):
                for buffer, expected in zip((layer.keys, layer.values), pair, strict=True):
                    window = buffer[i, :, columns]
                    assert window.isfinite().all()
                    assert window[:, -len(row) :].equal(expected[0])


@settings(deadline=None, max_examples=60)
@given(OPERATIONS)
def test_every_row_keeps_its_columns(operations: list[tuple[str, object]]) -> None:
    model = Model()
    for name, argument in operations:
        getattr(model, name)(argument)
        model.check()


@settings(deadline=None, max_examples=60)
@given(OPERATIONS, st.integers(300, 2000))
def test_no_more_is_reserved_than_the_limit(
    operations: list[tuple[str, object]], limit: int
) -> None:
    """The caller adds and appends only while the rows fit."""
    model = Model(limit)
    cache = model.cache
    for name, argument in operations:
        new, growth = 0, 0
        if name == "insert":
            new, growth = 1 + len(argument), max(argument)  # type: ignore[arg-type,call-overload]
        elif name == "resume":
            new = 3
        elif name == "append":
            growth = cache.width + argument  # type: ignore[operator]
        if len(model.rows) + new <= cache.rows_of(max(cache.width, growth)):
            getattr(model, name)(argument)
        model.check()
        for layer in cache.past.layers:
            assert layer.keys.shape[0] * layer.keys.shape[2] <= limit
