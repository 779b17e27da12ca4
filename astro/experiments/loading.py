"""From a config file to what it describes: one run, a study, or rounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from astro.config.loading import parse_config
from astro.config.run import RunConfig
from astro.config.yaml import read_config
from astro.errors import ConfigError
from astro.experiments.rounds import Rounds
from astro.experiments.study import Study, parse_study
from astro.plugins.registry import Registry
from astro.runs.runner import Run

Loaded = Run | Study | Rounds


def load(
    path: str | Path, overrides: Sequence[str] = (), registry: Registry | None = None
) -> Loaded:
    """Read and validate a config file. What it returns has a method `run`.

    Args:
        path: A YAML file: a `Study` if it has `arms`, `Rounds` if it has `rounds`, else a `Run`.
        overrides: `key.path=value` with YAML values.
        registry: The plugins to use, those installed by default.

    Raises:
        ConfigError: Everything that is wrong with the file, at once.
    """
    raw, registry = read_config(path, overrides), registry or Registry.discover()
    if "arms" in raw:
        return parse_study(raw, registry, str(path))
    config = parse_config(raw, registry, str(path))
    return Rounds(config, registry) if config.rounds else Run(config, registry)


def load_run(
    path: str | Path, overrides: Sequence[str] = (), registry: Registry | None = None
) -> RunConfig:
    """The config in a file of one run, or of rounds. Raises `ConfigError`."""
    loaded = load(path, overrides, registry)
    if isinstance(loaded, Study):
        raise ConfigError(
            ["arms: this is a study, which `astro run`, `plan` and `config` take"], str(path)
        )
    return loaded.config
