"""Loading of config files, each of which describes one run, rounds, a study, or a comparison."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from astro.config.loading import parse_config
from astro.config.run import RunConfig
from astro.config.yaml import ConfigSource, read_config, source_name
from astro.errors import ConfigError
from astro.experiments.rounds import Rounds
from astro.experiments.searches import Comparison, parse_comparison
from astro.experiments.study import Study, parse_study
from astro.plugins.registry import Registry
from astro.runs.runner import Run

Loaded = Run | Study | Rounds | Comparison


def load(
    source: ConfigSource, overrides: Sequence[str] = (), registry: Registry | None = None
) -> Loaded:
    """Read and validate a config; the result has a method `run`.

    Args:
        source: A YAML file, or its content as a mapping. It describes a `Study` if it has `arms`, a
            `Comparison` if it has `searches`, `Rounds` if it has `rounds`, else a `Run`.
        overrides: Assignments `key.path=value`, with values in YAML.
        registry: The plugins to use; None for all installed ones.

    Raises:
        ConfigError: The config is invalid. The error lists all problems.
    """
    raw, registry = read_config(source, overrides), registry or Registry.discover()
    name = source_name(source)
    if "arms" in raw:
        return parse_study(raw, registry, name)
    if "searches" in raw:
        return parse_comparison(raw, registry, name)
    config = parse_config(raw, registry, name)
    return Rounds(config, registry) if config.rounds else Run(config, registry)


def load_run(
    path: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    unused: Collection[str] = (),
) -> RunConfig:
    """Return the config in a file of one run or of rounds.

    The plugins under the keys in `unused` are not required; see `parse_config`.

    Raises:
        ConfigError: The file is invalid, or describes a study or a comparison.
    """
    raw = read_config(path, overrides)
    for key, kind, run in (("arms", "study", "run"), ("searches", "comparison", "compare")):
        if key in raw:
            why = f"{key}: this is a {kind}, which only `astro {run}`, `plan` and `config` accept"
            raise ConfigError([why], str(path))
    return parse_config(raw, registry or Registry.discover(), str(path), unused)
