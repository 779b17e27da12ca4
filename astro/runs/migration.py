"""Rewriting the folders of runs that an older release made.

What an older release wrote is read as it is, except for keys of a config that the next release will
not know any more. So `config.yaml` alone is rewritten. Trees, traces and the journal stay byte for
byte: a trainer resumes only with the traces that it began with, and a digest in the journal can be
checked only by the rule it was made by.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from astro.config.migrate import Renamed, migrate
from astro.config.run import RunConfig
from astro.config.yaml import read_yaml
from astro.engine.journal import Journal
from astro.errors import ConfigError, RunError
from astro.formats import FORMAT
from astro.plugins.params import validate
from astro.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Migrated:
    """A run's folder, whether its config was rewritten, and the keys that were renamed in it."""

    folder: Path
    rewritten: bool
    renamed: list[Renamed]


def migrate_runs(root: Path) -> Iterator[Migrated]:
    """Bring every run in `root` to the current format: one run, a study, or rounds.

    Each config is written atomically, so after a kill the same call does what is left.

    Raises:
        ConfigError: The config of a run is invalid.
        FormatError: A newer release wrote a file of a run.
        RunError: There is no run in `root`, or a run is at work there.
    """
    folders = sorted(path.parent for path in root.rglob("journal.db"))
    if not folders:
        raise RunError(f"{root} holds no run", "give the folder of a run, a study or rounds")
    for folder in folders:
        yield _migrate(RunFolder(folder))


def _migrate(folder: RunFolder) -> Migrated:
    with folder.locked():
        folder.check_formats()
        with closing(Journal(folder.journal)):
            raw = read_yaml(folder.config)
        values, renamed = migrate(raw, str(folder.config))
        rewritten = raw.get("format") != FORMAT or bool(renamed)
        if rewritten:
            try:
                folder.write_config(validate(RunConfig, values))
            except ConfigError as error:
                raise ConfigError(error.problems, str(folder.config)) from None
        return Migrated(folder.root, rewritten, renamed)
