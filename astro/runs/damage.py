"""Finished files that are gone or damaged: they are noticed, and made again from the journal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from astro.errors import RunError
from astro.events import Notice
from astro.runs.context import RunContext
from astro.runs.stages.search import STAGE as SEARCH


def set_damaged_aside(run: RunContext, damaged: Iterable[Path], *, given_trees: bool) -> None:
    """Rename each damaged file to NAME.damaged and say so, so that its stage makes it again.

    With `given_trees`, the caller will give the trees again.

    Raises:
        RunError: The trees are damaged, and the journal does not hold them.
    """
    for path in damaged:
        what = "is damaged and set aside" if path.exists() else "is gone"
        lost = path == run.folder.trees and not given_trees
        if lost and not run.journal.holds(f"{SEARCH}/"):
            raise RunError(
                f"{path} {what.removesuffix(' and set aside')}, and no search of this run made it",
                "give the file again with --trees, or start over with --fresh",
            )
        run.folder.set_aside(path)
        run.on_event(Notice(f"{path} {what}; {_remedy(run, path)}"))


def _remedy(run: RunContext, path: Path) -> str:
    """Prepare that a file is made again, and return a description of what follows."""
    folder = run.folder
    if path == folder.usage:
        return "its counters begin anew"
    if path.parent == folder.scores.parent and path != folder.scores:
        folder.scores.unlink(missing_ok=True)
        folder.manifest.forget(folder.scores)
    if path in (folder.decontamination, folder.failures):
        return "it is written again when it is next needed"
    return "it is made again"
