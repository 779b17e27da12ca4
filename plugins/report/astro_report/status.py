"""What a page that follows a run asks again and again: how far the run is, and what has changed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from astro_report import folders
from astro_report.live import LiveRun

_MOST_NAMES = 20


class LiveDocument(Struct):
    """The document `live`.

    Attributes:
        state: `running`, `stopped` or `finished`.
        stage: The first stage that is not finished; empty if all are.
        changed: When a file of the run was last changed, with its time zone.
        note: A sentence that tells a reader how far the run is.
        versions: The tags (`ETag`) of documents, by the names that were asked for.
    """

    state: str
    stage: str
    changed: str
    note: str
    versions: dict[str, str | None]


def live_document(live: LiveRun, names: Sequence[str]) -> LiveDocument:
    """Return how far a run is, and the versions of some of its documents."""
    found = folders.state_of(live.folder, live.registry)
    versions = {name: live.tag(name) for name in names[:_MOST_NAMES]}
    return LiveDocument(found.state, found.stage, found.changed, _note(live, found), versions)


def _note(live: LiveRun, found: folders.State) -> str:
    """A sentence on the state of a run."""
    if found.state == folders.FINISHED:
        return "This run is finished."
    stage = f" in the stage {found.stage}" if found.stage else ""
    if found.state == folders.STOPPED:
        again = "The command that started it goes on with it."
        return f"This run has stopped{stage}. Its last change was at {found.changed}. {again}"
    return f"This run is at work{stage}.{_search(live) if found.stage == 'search' else ''}"


def _search(live: LiveRun) -> str:
    if not live.search:
        return ""
    watch = live.search.watch
    failed = f", {len(watch.failed):,} of them without success" if watch.failed else ""
    return f" {len(watch.tokens):,} trees have ended{failed}; {len(watch.under_way):,} are growing."
