"""The documents of a run that may still grow, each made from its files when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from urllib.parse import unquote
from zlib import crc32

from astro.config.run import RunConfig
from astro.files import index_lines, read_line
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.scoring import EvaluatedProblem
from astro.runs.trees import check_tree
from astro.types import SearchTree
from astro_report import evaluations, reading, trees
from astro_report.chunks import json_bytes
from astro_report.documents import CHUNK_BYTES, PER_CHUNK, ResponseList, RunDocument, TreeList
from astro_report.growing import GrowingTrees
from astro_report.page import Content
from astro_report.report import run_content, run_document, step_format_of
from astro_report.training import LOG, training_document

T = TypeVar("T")
_CHUNK = re.compile(r"(trees|responses/[^/]+)/(\d{1,9})")


@dataclass(frozen=True, slots=True)
class _Index(Generic[T]):
    """The list of a file's rows, and where the rows of each chunk begin."""

    listed: T
    offsets: list[int]
    chunks: list[int]

    def of_chunk(self, chunk: int) -> list[tuple[int, int]]:
        """(number, offset) of each row of a chunk."""
        return [(i, self.offsets[i]) for i, found in enumerate(self.chunks) if found == chunk]


@dataclass(slots=True)
class LiveRun:
    """The documents of one run. Nothing in its folder is locked or written.

    Only lists are kept between two calls; trees and responses are read when they are asked for.
    A search under way is read from the journal, and keeps the order in which its trees began
    after it has ended, so that no number of a tree changes under a reader.
    """

    folder: RunFolder
    registry: Registry
    search: GrowingTrees | None = None
    _made: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def update(self) -> None:
        """Take notice of what was recorded since the last call.

        Raises:
            AstroError: The journal cannot be read.
        """
        has_journal = self.folder.journal.exists()
        if not has_journal:
            self.search = None
        elif self.search is None and not self.folder.trees.exists():
            self.search = GrowingTrees(self.folder, self.registry)
        if self.search:
            self.search.watch.update()

    def config(self) -> RunConfig:
        """Return the config of the run as it is stored."""
        return reading.run_config(self.folder, self.registry)

    def run_document(self) -> RunDocument:
        """Return the document `run`."""
        found = run_document(self.folder, self.config())
        found.live = True
        found.search = found.search or bool(self.search and self.search.watch.batches)
        return found

    def version(self, name: str) -> str | None:
        """Return what changes when a document does; None if there is no such document."""
        folder = self.folder
        kind, _, rest = name.partition("/")
        if kind == "run":
            return f"{crc32(json_bytes(self.run_document()))} {_stats([folder.scores])}"
        if kind == "trees" and self.search:
            found = self.search.version(rest)
            return found and f"{found} {self._traces()}"
        if kind == "trees" and folder.trees.exists():
            return _stats([folder.trees]) + self._traces()
        if kind == "responses" and (path := self._samples(rest.partition("/")[0])):
            return _stats([path])
        if name == "training":
            return _stats(sorted(folder.root.glob(f"*/{LOG}")))
        return None

    def tag(self, name: str) -> str | None:
        """Return the version of a document as a tag of HTTP."""
        version = self.version(name)
        return None if version is None else etag(version)

    def document(self, name: str) -> bytes | None:
        """Return a document as JSON; None if there is no such document.

        Raises:
            AstroError: A file is damaged, or is being written.
        """
        if self.version(name) is None:
            return None
        if name == "run":
            return json_bytes(self.run_document())
        if name == "training":
            return json_bytes(training_document(self.folder))
        if chunk := _CHUNK.fullmatch(name):
            return self._chunk(chunk[1], int(chunk[2]))
        if name == "trees":
            return json_bytes(self._listed())
        model = self._model(name.removeprefix("responses/"))
        return json_bytes(self._responses(model).listed) if model else None

    def solved(self) -> tuple[int, int]:
        """Return the numbers of solved trees and of all trees that have been read so far."""
        return self.search.solved() if self.search else (0, 0)

    def responses(self, model: str) -> ResponseList:
        """Return the list of a model's responses.

        Raises:
            AstroError: The file is damaged.
        """
        return self._responses(model).listed

    def content(self) -> Content:
        """Return what the page shows without scripts.

        Raises:
            AstroError: A file of the run is damaged.
        """
        run = self.run_document()
        responses = {head.title: self.responses(head.name) for head in run.models}
        trees = self._listed() if run.search else None
        return replace(run_content(self.folder, self.config(), trees, responses), run=run)

    def _listed(self) -> TreeList:
        return self.search.listed(self._index()) if self.search else self._trees().listed

    def _chunk(self, kind: str, number: int) -> bytes | None:
        if kind == "trees":
            return self._tree_chunk(number)
        model = self._model(kind.removeprefix("responses/"))
        if model is None:
            return None
        step_format = step_format_of(self.config(), self.registry)
        path = self.folder.samples(model)
        found = [
            evaluations.problem_responses(read_line(path, offset, EvaluatedProblem), step_format)
            for _, offset in self._responses(model).of_chunk(number)
        ]
        return json_bytes(found) if found else None

    def _tree_chunk(self, number: int) -> bytes | None:
        traces = self._index()
        if self.search:
            document = self.search.tree(number, traces)
            return None if document is None else json_bytes([document])
        path = self.folder.trees
        found = [
            trees.tree_document(tree, i, traces.of(tree.problem.id))
            for i, offset in self._trees().of_chunk(number)
            for tree in [check_tree(read_line(path, offset, SearchTree), path)]
        ]
        return json_bytes(found) if found else None

    def _trees(self) -> _Index[TreeList]:
        return self._kept("trees", _stats([self.folder.trees]) + self._traces(), self._read_trees)

    def _read_trees(self) -> _Index[TreeList]:
        listed, traces = TreeList(), self._index()

        def add(tree: trees.ListedTree, chunk: int) -> None:
            trees.add_to_list(listed, tree, traces.count(tree.problem.id), chunk)

        return _indexed(self.folder.trees, trees.ListedTree, listed, add)

    def _responses(self, model: str) -> _Index[ResponseList]:
        path = self.folder.samples(model)
        make = partial(self._read_responses, path)
        return self._kept(f"responses/{model}", _stats([path]), make)

    def _read_responses(self, path: Path) -> _Index[ResponseList]:
        listed = ResponseList()
        step_format = step_format_of(self.config(), self.registry)

        def add(row: EvaluatedProblem, chunk: int) -> None:
            found = evaluations.problem_responses(row, step_format)
            evaluations.add_to_list(listed, found, chunk)

        return _indexed(path, EvaluatedProblem, listed, add)

    def _index(self) -> reading.TraceIndex:
        return self._kept("traces", self._traces(), partial(reading.TraceIndex, self.folder))

    def _traces(self) -> str:
        return _stats([self.folder.traces(arm) for arm in reading.ARMS])

    def _samples(self, encoded: str) -> Path | None:
        model = self._model(encoded)
        return self.folder.samples(model) if model else None

    def _model(self, encoded: str) -> str | None:
        """The model that a name of a document means, if the run has its responses."""
        wanted = unquote(encoded)
        return wanted if wanted in reading.models(self.folder) else None

    def _kept(self, name: str, version: str, make: Callable[[], T]) -> T:
        """What `make` gave for this version, or gives now."""
        known, found = self._made.get(name, (None, None))
        kept: T = make() if known != version else cast("T", found)
        self._made[name] = (version, kept)
        return kept


def _indexed(path: Path, row: type[Any], listed: T, add: Callable[[Any, int], None]) -> _Index[T]:
    """Read a file once, divide it into chunks by the length of its lines, and fill in its list."""
    offsets, chunks = list[int](), list[int]()
    size = count = chunk = 0
    for offset, found in index_lines(path, row):
        length = offset - offsets[-1] if offsets else 0
        size, count = size + length, count + 1
        if count > PER_CHUNK or size > CHUNK_BYTES:
            size, count, chunk = 0, 1, chunk + 1
        offsets.append(offset)
        chunks.append(chunk)
        add(found, chunk)
    return _Index(listed, offsets, chunks)


def _stats(paths: Iterable[Path]) -> str:
    """What changes when one of these files does, or when one appears."""
    found = [(path, reading.modified(path)) for path in paths if path.exists()]
    return " ".join(
        f"{crc32(str(path).encode()):x}-{time:x}-{size:x}" for path, (time, size) in found
    )


def etag(version: str) -> str:
    """Return a version as a tag of HTTP."""
    return f'"{blake2b(version.encode("utf-8", "replace"), digest_size=16).hexdigest()}"'
