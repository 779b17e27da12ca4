"""Keys and values of token sequences that may be continued, so that they are computed only once.

A radix tree: sequences that begin with the same tokens share the keys and values of these tokens.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Ids = tuple[int, ...]
Slots = NDArray[np.int64]
_NONE: Slots = np.zeros(0, np.int64)
_PADDING = 0
"""The slot whose keys and values are 0. No token is stored there."""


class PrefixStore:
    """Stores tokens with their keys and values, of at most `limit` bytes.

    Each token has a slot, which is its index in the tensors of keys and values. What was not used
    for longest is dropped first.

    Args:
        limit: The number of bytes; 0 stores nothing.
        token_bytes: The number of bytes of a token's keys and values in all layers.
    """

    def __init__(self, limit: int, token_bytes: int) -> None:
        self._capacity = max(limit // token_bytes - 1, 0)
        self._cells: dict[int, Tensor] = {}
        self.clear()

    @property
    def capacity(self) -> int:
        """The number of tokens that can be stored."""
        return self._capacity

    def __len__(self) -> int:
        return self._capacity - self._free

    def find(self, ids: Ids) -> Slots:
        """Return the slots of the longest stored beginning of `ids`."""
        path, found = self._walk(ids)
        self._touch(path)
        return np.concatenate([_NONE, *found])

    def add(self, ids: Ids) -> Slots:
        """Store `ids`, and return the slots of those last tokens that were not stored yet.

        Their keys and values have to be written next. Nothing is stored if there is no room.
        """
        if len(ids) > self._capacity:
            return _NONE
        path, found = self._walk(ids)
        known = sum(map(len, found))
        if path and len(found[-1]) < len(path[-1].tokens):
            path[-1] = self._split(path[-1], len(found[-1]))
        self._touch(path)
        if known == len(ids):
            return _NONE
        while self._free < len(ids) - known:
            self._drop(next(iter(self._recent)))
        self._free -= len(ids) - known
        slots = self._unused[self._free : self._free + len(ids) - known].copy()
        parent = path[-1] if path else self._root
        leaf = _Run(ids[known:], slots, parent)
        parent.following[ids[known]] = leaf
        self._recent[leaf] = None
        self._touch([*path, leaf])
        return slots

    def write(self, slots: Slots, cells: dict[int, Tensor]) -> None:
        """Write keys and values, `[N, heads, dim]` by head dim, to `slots` `[N]`.

        If a slot occurs twice, because the first owner was dropped, the last one counts.
        """
        if not self._cells:
            self._cells = {
                dim: part.new_empty((self._capacity + 1, *part.shape[1:]))
                for dim, part in cells.items()
            }
            for part in self._cells.values():
                part[_PADDING] = 0
        unique, last = np.unique(slots[::-1], return_index=True)
        if len(unique) < len(slots):
            kept = torch.from_numpy(len(slots) - 1 - last)
            cells = {dim: part[kept.to(part.device)] for dim, part in cells.items()}
            slots = unique
        for dim, part in cells.items():
            self._cells[dim][torch.from_numpy(slots).to(part.device)] = part

    def read(self, rows: Sequence[Slots]) -> dict[int, Tensor]:
        """Return keys and values of rows of slots, `[B, T, heads, dim]`, padded on the left."""
        width = max(map(len, rows))
        padded = np.full((len(rows), width), _PADDING)
        for row, slots in zip(padded, rows, strict=True):
            row[width - len(slots) :] = slots
        return {
            dim: part[torch.from_numpy(padded).to(part.device)] for dim, part in self._cells.items()
        }

    def clear(self) -> None:
        """Remove everything, and free the memory."""
        self._cells.clear()
        self._root = _Run((), _NONE, None)
        self._recent: OrderedDict[_Run, None] = OrderedDict()
        self._unused = np.arange(self._capacity, 0, -1)
        self._free = self._capacity

    def _walk(self, ids: Ids) -> tuple[list[_Run], list[Slots]]:
        """The runs that `ids` begin with, and their slots; the last run may fit in part only."""
        path: list[_Run] = []
        found: list[Slots] = []
        node, at = self._root, 0
        while at < len(ids) and (child := node.following.get(ids[at])):
            common = shared(child.tokens, ids[at : at + len(child.tokens)])
            path.append(child)
            found.append(child.slots[:common])
            node, at = child, at + common
            if common < len(child.tokens):
                break
        return path, found

    def _split(self, run: _Run, at: int) -> _Run:
        """Make the first `at` tokens of a run a run of their own, and return that."""
        parent = run.parent
        assert parent
        upper = _Run(run.tokens[:at], run.slots[:at], parent, {run.tokens[at]: run})
        parent.following[run.tokens[0]] = upper
        run.tokens, run.slots, run.parent = run.tokens[at:], run.slots[at:], upper
        self._recent[upper] = None
        return upper

    def _touch(self, path: Sequence[_Run]) -> None:
        """Note that a path was used. The oldest run is always a leaf: parents count as newer."""
        for run in reversed(path):
            self._recent.move_to_end(run)

    def _drop(self, leaf: _Run) -> None:
        assert leaf.parent and not leaf.following
        del self._recent[leaf], leaf.parent.following[leaf.tokens[0]]
        self._unused[self._free : self._free + len(leaf.slots)] = leaf.slots
        self._free += len(leaf.slots)


@dataclass(slots=True, eq=False)
class _Run:
    """Tokens that follow one another without a branch, their slots, and what may follow them."""

    tokens: Ids
    slots: Slots
    parent: _Run | None
    following: dict[int, _Run] = field(default_factory=dict)


def shared(first: Ids, second: Ids) -> int:
    """Return the number of tokens with which both begin."""
    if first == second:
        return len(first)
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))


def common_beginnings(prompts: Sequence[Ids]) -> list[list[tuple[Ids, int]]]:
    """Return beginnings that several prompts share, and how many prompts share each.

    Those of one list are no beginnings of each other; each begins with one of the list before.
    """
    levels = []
    groups = [sorted(set(prompts))]
    while groups := [group for group in groups if len(group) > 1]:
        level: list[tuple[Ids, int]] = []
        parts: list[list[Ids]] = []
        for group in groups:
            length = shared(group[0], group[-1])
            level.append((group[0][:length], len(group)))
            by_next: dict[Ids, list[Ids]] = {}
            for prompt in group:
                by_next.setdefault(prompt[length : length + 1], []).append(prompt)
            parts += by_next.values()
        levels.append(level)
        groups = parts
    return levels
