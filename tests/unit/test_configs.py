"""Every config that is shipped can be run as it stands, where its engines are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro.config.loading import load_config
from astro.config.yaml import dump_config
from astro.experiments.study import is_study, load_study
from astro.plugins.registry import Registry

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
RUNS = [path for path in CONFIGS if not is_study(path)]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover().as_if_installed()


def test_there_are_configs() -> None:
    assert "quickstart" in {path.stem for path in CONFIGS}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_is_valid_and_named_as_its_file(path: Path, registry: Registry) -> None:
    if is_study(path):
        assert load_study(path, (), registry).name == path.stem
    else:
        assert load_config(path, (), registry).name == path.stem


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_config_survives_being_shown(path: Path, registry: Registry, tmp_path: Path) -> None:
    shown = tmp_path / "shown.yaml"
    config = load_config(path, (), registry)
    shown.write_text(dump_config(config))
    assert load_config(shown, (), registry) == config
