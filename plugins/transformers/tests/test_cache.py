from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.cache_utils import DynamicCache

from astro_transformers.cache import RowCache, contents

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.lists(st.integers(1, 90), min_size=1, max_size=4)),
        st.tuples(st.just("append"), st.integers(1, 80)),
        st.tuples(st.just("drop"), st.integers(0, 7)),
    ),
    max_size=12,
)


class Model:
    """A cache and, beside it, each row's keys as a plain list."""

    def __init__(self) -> None:
        self.cache = RowCache()
        self.rows: list[list[float]] = []
        self._next = 0.0

    def insert(self, lengths: list[int]) -> None:
        """Rows of these lengths, the first of them twice."""
        width = max(lengths)
        prompts = [[self.fresh() for _ in range(length)] for length in lengths]
        padded = torch.tensor([[-1.0] * (width - len(p)) + p for p in prompts])
        past = DynamicCache()
        for layer in range(2):
            past.update(padded[:, None, :, None], -padded[:, None, :, None], layer)
        sources = [0, *range(len(lengths))]
        self.cache.insert(contents(past), torch.tensor(sources))
        self.rows += [list(prompts[i]) for i in sources]

    def append(self, count: int) -> None:
        for _ in range(count if self.rows else 0):
            self.cache.reserve(len(self.rows), self.cache.width)
            column = torch.tensor([self.fresh() for _ in self.rows])[:, None, None, None]
            for layer in range(2):
                self.cache.past.update(column, -column, layer)
            self.cache.appended()
            for row, value in zip(self.rows, column.flatten().tolist(), strict=True):
                row.append(value)

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

    def fresh(self) -> float:
        self._next += 1
        return self._next

    def check(self) -> None:
        assert self.cache.rows == len(self.rows)
        assert self.cache.width == max(map(len, self.rows), default=0)
        columns = slice(self.cache.start, self.cache.end)
        for layer in self.cache.past.layers:
            keys = layer.keys[: len(self.rows), 0, columns, 0]
            values = layer.values[: len(self.rows), 0, columns, 0]
            for row, key, value in zip(self.rows, keys, values, strict=True):
                assert key[-len(row) :].tolist() == row
                assert value[-len(row) :].tolist() == [-x for x in row]


@settings(deadline=None, max_examples=60)
@given(OPERATIONS)
def test_every_row_keeps_its_columns(operations: list[tuple[str, object]]) -> None:
    model = Model()
    for name, argument in operations:
        getattr(model, name)(argument)
        model.check()
