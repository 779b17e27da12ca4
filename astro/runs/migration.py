"""Migration of the folders of runs of older releases.

Files of older releases can be read as they are, except that the next release will not accept the
old names of config keys. So only `config.yaml` is rewritten. Trees, traces and the journal are kept
byte for byte: a trainer resumes only with the traces that it started with, and a digest in the
journal can be checked only by the rule that produced it.
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
    """The folder of a run, whether its config was rewritten, and the keys that were renamed."""

    folder: Path
    rewritten: bool
    renamed: list[Renamed]


def migrate_runs(root: Path) -> Iterator[Migrated]:
    """Migrate every run in `root`, which is the folder of one run, a study, or rounds.

    Each config is written atomically. After a kill, the same call continues.

    Raises:
        ConfigError: The config of a run is invalid.
        FormatError: A newer release wrote a file of a run.
        RunError: There is no run in `root`, or another process uses one of them.
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
