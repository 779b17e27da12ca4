"""What a run has left in its folder, and the traces of each of its problems."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from astro.config.loading import read_stored, without_secrets
from astro.config.run import RunConfig
from astro.errors import RunError
from astro.files import index_lines, read_line
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.stages.report import in_order
from astro.types import Segment, SegmentKind

ARMS = ("sft", "direct_sft")
"""The models whose traces a run may have, in the order of tables."""


class TraceRow(Struct):
    """A row of traces.jsonl; its messages are not read, because its segments are the response."""

    id: str
    problem: str
    segments: list[Segment]
    answer: str | None = None
    rewritten: bool = False

    @property
    def backtracks(self) -> int:
        """The number of backtrack segments."""
        return sum(segment.kind is SegmentKind.BACKTRACK for segment in self.segments)


class _Head(Struct):
    """The beginning of a trace by which it is found."""

    problem: str


def run_config(folder: RunFolder, registry: Registry | None = None) -> RunConfig:
    """The config of the run in a folder, without secrets.

    Raises:
        AstroError: The folder holds no run, or its config cannot be read.
    """
    if not folder.config.exists():
        raise RunError(
            f"{folder.root} holds no run: it has no config.yaml",
            f"give the folder of a run, such as {_run_in(folder.root) or 'runs/quickstart'}",
        )
    return _config(folder.config, modified(folder.config), registry)


def _run_in(group: Path) -> Path | None:
    """The first run in the folder of a study, rounds or a comparison; None if there is none."""
    found = (path for depth in ("*", "*/*") for path in sorted(group.glob(f"{depth}/config.yaml")))
    return next((path.parent for path in found), None)


@lru_cache(maxsize=100)
def _config(path: Path, version: tuple[int, int], registry: Registry | None) -> RunConfig:  # noqa: ARG001
    """The config in a file, which is read again when its version is another."""
    return without_secrets(read_stored(path), registry or Registry.discover())


def arms(folder: RunFolder) -> list[str]:
    """The kinds of traces that the run has."""
    return [arm for arm in ARMS if folder.traces(arm).exists()]


def models(folder: RunFolder) -> list[str]:
    """The models with responses, in the order of tables."""
    return in_order(path.stem for path in sorted(folder.scores.parent.glob("*.jsonl")))


class TraceIndex:
    """The traces of all arms of a run by problem. Only their places in the files are kept."""

    def __init__(self, folder: RunFolder) -> None:
        self._paths = {arm: folder.traces(arm) for arm in arms(folder)}
        self._offsets: dict[str, list[tuple[str, int]]] = {}
        for arm, path in self._paths.items():
            for offset, head in index_lines(path, _Head):
                self._offsets.setdefault(head.problem, []).append((arm, offset))

    def count(self, problem: str) -> int:
        """The number of traces of a problem."""
        return len(self._offsets.get(problem, ()))

    def of(self, problem: str) -> Iterator[tuple[str, TraceRow]]:
        """Each trace of a problem, with its arm."""
        for arm, offset in self._offsets.get(problem, ()):
            yield arm, read_line(self._paths[arm], offset, TraceRow)


def modified(path: Path) -> tuple[int, int]:
    """What tells one version of a file from another: its time of change and its size."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size
