"""A config file for a command that takes one run."""

from __future__ import annotations

from collections.abc import Sequence

from astro.config.loading import load_config
from astro.config.run import RunConfig
from astro.errors import ConfigError
from astro.experiments.study import is_study


def load_run(path: str, overrides: Sequence[str]) -> RunConfig:
    """The config in a file. Raises `ConfigError`, also where the file is a study's."""
    if is_study(path):
        raise ConfigError(
            ["arms: this is a study, which `astro run`, `plan` and `config` take"], path
        )
    return load_config(path, overrides)
