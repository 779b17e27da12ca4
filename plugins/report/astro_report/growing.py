"""The list and the trees of a search that is under way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from astro.errors import AstroError
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.watching import SearchWatch
from astro.types import SearchTree
from astro_report import trees
from astro_report.documents import TreeDocument, TreeList
from astro_report.reading import TraceIndex

_SECONDS = 0.2
"""How long trees are read for one list. It holds the others as they were when last read."""
_REST = 4
"""How many times as long as reading a list took the next one waits, to leave the machine to the
run."""
UNDER_WAY = "under way"


class GrowingTrees:
    """The trees of a search in the order in which their searches began, each in a chunk of its own.

    Attributes:
        watch: What the journal says of the search.
    """

    def __init__(self, folder: RunFolder, registry: Registry) -> None:
        """Follow the search in `folder`."""
        self.watch = SearchWatch(folder, registry)
        self._ids: list[str] = []
        self._rows: dict[str, tuple[str, TreeList]] = {}
        self._turns = 0
        self._next_list = 0.0
        self._listed = ""

    def solved(self) -> tuple[int, int]:
        """The numbers of solved trees and of all trees that have been read so far."""
        self._read()
        return sum("correct" in row.verdicts[0] for _, row in self._rows.values()), len(self._rows)

    def version(self, number: str = "") -> str | None:
        """What changes when the tree of this number does, or the list if it is empty."""
        watch = self.watch
        if not number:
            if time.monotonic() >= self._next_list:
                known = (sum(watch.batches.values()), len(watch.tokens), self._turns)
                self._listed = "-".join(map(str, known))
            return self._listed
        problem_id = self._id(int(number)) if number.isdecimal() else None
        return None if problem_id is None else self._version(problem_id)

    def listed(self, traces: TraceIndex) -> TreeList:
        """The list of trees, up to the first that has not been read yet."""
        began = time.monotonic()
        self._read()
        now = time.monotonic()
        self._next_list = now + _REST * (now - began)
        found = TreeList()
        for number, problem_id in enumerate(self.watch.batches):
            if problem_id not in self._rows:
                break
            _, row = self._rows[problem_id]
            for name in TreeList.__struct_fields__:
                getattr(found, name).extend(getattr(row, name))
            found.chunk[-1] = number
            found.traces[-1] = traces.count(problem_id)
        return found

    def tree(self, number: int, traces: TraceIndex) -> TreeDocument | None:
        """The tree of a number as it is now; None if there is none.

        Raises:
            AstroError: The tree cannot be read.
        """
        problem_id = self._id(number)
        if problem_id is None:
            return None
        tree = self._tree(problem_id)
        finished = problem_id not in self.watch.under_way
        return trees.tree_document(tree, number, traces.of(problem_id), finished=finished)

    def _tree(self, problem_id: str) -> SearchTree:
        tree = self.watch.tree(problem_id)
        if problem_id in self.watch.under_way:
            return replace(tree, ended=UNDER_WAY)
        if failure := self.watch.failed.get(problem_id):
            return replace(tree, ended=f"failed: {failure}")
        return tree

    def _read(self) -> None:
        """Read the rows that are missing, then those that have changed, for a short time."""
        if self._rows.keys() - self.watch.batches.keys():
            self._rows.clear()  # the run has started over
        until = time.monotonic() + _SECONDS
        for problem_id in self._behind():
            row = TreeList()
            version = self._version(problem_id)
            self._rows.pop(problem_id, None)  # what was read last comes last in the next turn
            try:
                trees.add_to_list(row, self._tree(problem_id), 0, 0)
            except AstroError as error:
                _add_unread(row, problem_id, str(error))
            self._rows[problem_id] = version, row
            if time.monotonic() > until:
                self._turns += 1
                return

    def _behind(self) -> Iterator[str]:
        yield from [known for known in self.watch.batches if known not in self._rows]
        changed = [k for k, (version, _) in self._rows.items() if version != self._version(k)]
        yield from changed

    def _version(self, problem_id: str) -> str:
        ended = problem_id not in self.watch.under_way
        return f"{self.watch.batches[problem_id]}{'.' * ended}"

    def _id(self, number: int) -> str | None:
        if len(self._ids) != len(self.watch.batches):
            self._ids = list(self.watch.batches)
        return self._ids[number] if number < len(self._ids) else None


def _add_unread(row: TreeList, problem_id: str, why: str) -> None:
    """A row of a tree that cannot be read, such as one whose problems are gone."""
    values: tuple[Any, ...] = (problem_id, "", 0, 0, None, why, {}, 0, {}, 0)
    for name, value in zip(TreeList.__struct_fields__, values, strict=True):
        getattr(row, name).append(value)
