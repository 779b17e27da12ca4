"""Reads what a run has written, for notebooks and other programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypedDict

from astro.errors import RunError
from astro.files import read_lines
from astro.runs.folder import RunFolder
from astro.runs.stages.evaluate import ScoresFile
from astro.runs.stages.evaluate import read_scores as scores_in
from astro.runs.trees import check_tree
from astro.types import SearchTree, Segment, SegmentKind


class Message(TypedDict):
    """A message of a chat."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class WrittenTrace:
    """A row of traces.jsonl.

    Attributes:
        id: The problem's id, `#`, and the number of the trace.
        problem: The problem's id.
        messages: The chat: the user message that training uses, and the response.
        segments: The parts of the response, each with the node it belongs to.
        answer: The answer that the verifier read from the response.
        rewritten: Whether a model has put the trace into its own words.
    """

    id: str
    problem: str
    messages: list[Message]
    segments: list[Segment]
    answer: str | None = None
    rewritten: bool = False

    @property
    def response(self) -> str:
        """The text of all segments."""
        return "".join(segment.text for segment in self.segments)

    @property
    def backtracks(self) -> int:
        """Number of backtrack segments."""
        return sum(segment.kind is SegmentKind.BACKTRACK for segment in self.segments)


def read_trees(path: str | PathLike[str]) -> Iterator[SearchTree]:
    """Yield the trees of a run, one at a time, in the order of its file.

    Args:
        path: The folder of a run, or a file such as trees.jsonl.

    Raises:
        RunError: There are no trees, or a line is damaged.
    """
    file = _file(path, RunFolder(Path(path)).trees)
    return (check_tree(tree, file) for tree in read_lines(file, SearchTree))


def read_traces(path: str | PathLike[str]) -> Iterator[WrittenTrace]:
    """Yield the traces of a run, one at a time, in the order of its file.

    Args:
        path: The folder of a run, for its traces.jsonl, or a file such as control_traces.jsonl.

    Raises:
        RunError: There are no traces, or a line is damaged.
    """
    return read_lines(_file(path, RunFolder(Path(path)).traces("sft")), WrittenTrace)


def read_scores(path: str | PathLike[str]) -> ScoresFile:
    """Return the scores of a run: every metric of every model, also by set, level and subject.

    Args:
        path: The folder of a run, or a file such as eval/scores.json.

    Raises:
        RunError: There are no scores, or the file is damaged.
    """
    return scores_in(_file(path, RunFolder(Path(path)).scores))


def _file(path: str | PathLike[str], of_run: Path) -> Path:
    """The file itself, or that of the run whose folder is given. Raises `RunError`."""
    found = of_run if Path(path).is_dir() else Path(path)
    if not found.is_file():
        raise RunError(f"{found} does not exist", "give the folder of a run, or one of its files")
    return found
