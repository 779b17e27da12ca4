"""Which entries of a folder belong to a run, and how they are deleted. Others are never touched."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from astro.config.run import BASE, BUILT_IN_MODELS

LOCK = ".lock"
PAGE = ("report.html", "report_data")
"""The report of a plugin, and the folder of what does not fit into it. They are made again."""
_FILES = (
    *("config.yaml", "manifest.json", "decontamination.json", "trees.jsonl", "traces.jsonl"),
    *("control_traces.jsonl", "format_traces.jsonl"),
    *("pooled_traces.jsonl", "pooled_control_traces.jsonl"),
    *("failures.jsonl", "usage.json", "report.md", *PAGE),
    *("journal.db", "journal.db-wal", "journal.db-shm", "journal.db-journal"),
)
_EVALUATION = re.compile(r"eval(-\d+)?")
"""The folder of the evaluation, and those of earlier evaluations."""


def own_entries(root: Path, outputs: Collection[str] = ()) -> list[Path]:
    """Return the entries of the folder `root` that belong to a run.

    The entries `outputs` are those of stages that plugins add.
    """
    names = {*_FILES, BASE, *BUILT_IN_MODELS, *outputs}
    return [path for path in root.iterdir() if _is_own(path.name, names)]


def foreign_entries(root: Path, outputs: Collection[str] = ()) -> list[str]:
    """Return the names of the entries of `root` that belong to no run, without hidden ones."""
    own = set(own_entries(root, outputs))
    return sorted(p.name for p in root.iterdir() if p not in own and not p.name.startswith("."))


def _is_own(name: str, names: Collection[str]) -> bool:
    return any(plain in names or _EVALUATION.fullmatch(plain) for plain in _spellings(name))


def _spellings(name: str) -> Iterator[str]:
    """The name, and the name of the file of which it is a temporary or a damaged copy."""
    yield name
    if name.startswith(".") and name.endswith(".tmp"):
        yield name[1:].removesuffix(".tmp")
    if name.endswith(".damaged"):
        yield name.removesuffix(".damaged")


def delete(path: Path) -> None:
    """Delete an entry that belongs to a run.

    Of an evaluation, only what an evaluation writes is deleted.
    """
    if not path.is_dir() or path.is_symlink():
        path.unlink()
    elif _EVALUATION.fullmatch(path.name):
        _delete_evaluation(path)
    else:
        shutil.rmtree(path)


def _delete_evaluation(folder: Path) -> None:
    written = {"scores.json", "report.md", "config.yaml"}
    for path in list(folder.iterdir()):
        if path.is_file() and any(
            name in written or name.endswith(".jsonl") for name in _spellings(path.name)
        ):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
