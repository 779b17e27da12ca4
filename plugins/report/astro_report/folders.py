"""The runs, studies and rounds that lie in a folder, and how far each of them is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from astro.config.run import STAGES
from astro.config.stages import run_stages
from astro.errors import AstroError
from astro.plugins.registry import Registry
from astro.runs.again import is_done
from astro.runs.folder import RunFolder
from astro.runs.ownership import LOCK
from astro_report.reading import run_config

_DEPTH = 3
"""The most folders between the folder of all runs and a run: a study has them by seed and arm."""
_QUIET = 30.0
"""The seconds without a change after which a run counts as stopped where locks cannot be seen."""
_LOCKS = Path("/proc/locks")

RUNNING = "running"
STOPPED = "stopped"
FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Found:
    """A run, or the folder of a study or of rounds.

    Attributes:
        name: Its path below the folder of all runs, with slashes.
        folder: Its folder.
        is_run: Whether it is a run; otherwise it contains runs.
    """

    name: str
    folder: Path
    is_run: bool


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is.

    Attributes:
        state: `running`, `stopped` or `finished`.
        stage: The first stage that is not finished; empty if all are, or if they are not known.
        changed: When a file of the run was last changed, with its time zone.
    """

    state: str
    stage: str
    changed: str


def find(root: Path) -> list[Found]:
    """Return everything in the folder of all runs, each group before its runs, by name.

    Raises:
        OSError: The folder cannot be read.
    """
    return list(_below(root, "", _DEPTH, top=True))


def _below(root: Path, prefix: str, depth: int, *, top: bool = False) -> Iterator[Found]:
    try:
        entries = sorted(entry for entry in root.iterdir() if entry.is_dir())
    except OSError:
        if top:
            raise
        return
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if entry.name.startswith("."):
            continue
        if (entry / "config.yaml").is_file():
            yield Found(name, entry, is_run=True)
        elif depth > 1 and (inside := list(_below(entry, f"{name}/", depth - 1))):
            if top:
                yield Found(name, entry, is_run=False)
            yield from inside


def state_of(folder: RunFolder, registry: Registry) -> State:
    """Return how far a run is, without locking it."""
    changed = last_change(folder)
    at_work = is_locked(folder.root)
    if at_work is None:
        at_work = datetime.now(UTC).timestamp() - changed < _QUIET
    stage, finished = "", folder.report.exists()
    try:
        config = run_config(folder, registry)
        own = {*STAGES, *config.stages}  # without those that plugins add to every run
        stages = [stage for stage in run_stages(config, registry) if stage.name in own]
        undone = [stage.name for stage in stages if not is_done(stage, folder.root)]
        stage, finished = (undone[0] if undone else ""), not undone
    except AstroError:  # a plugin of the run is not installed here, or its config is damaged
        pass
    state = RUNNING if at_work else FINISHED if finished else STOPPED
    return State(state, stage, moment(changed))


def last_change(folder: RunFolder) -> float:
    """Return the time at which a file of a run was last changed, in seconds since 1970."""
    paths = [*folder.root.glob("*"), *folder.root.glob("*/metrics.jsonl")]
    return max((_changed(path) for path in paths if path.name != LOCK), default=0.0)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it was renamed meanwhile
        return 0.0


def moment(seconds: float) -> str:
    """Return a time in the local time zone, with that zone."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "seconds")


def is_locked(folder: Path) -> bool | None:
    """Return whether a process of this machine holds the lock of a folder; None if not known.

    Trying the lock would keep a run from starting at that moment, so the list of all locks is read.
    """
    try:
        inode = str((folder / LOCK).stat().st_ino)
        lines = _LOCKS.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return False if _LOCKS.exists() else None
    except OSError:
        return None
    held = (line.split()[-3].rpartition(":")[2] for line in lines if " FLOCK " in line)
    return inode in held or (None if os.name == "nt" else False)
