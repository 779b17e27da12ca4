"""Every config that is shipped can be run as it stands, where its engines are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro.config.loading import load_config, parse_config, with_defaults
from astro.config.run import RunConfig
from astro.config.yaml import dump_config, read_config
from astro.experiments.loading import Loaded, load
from astro.experiments.searches import UNUSED, Comparison
from astro.experiments.study import Study
from astro.plugins.registry import Registry

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover().as_if_installed()


def test_there_are_configs() -> None:
    assert "quickstart" in {path.stem for path in CONFIGS}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_is_valid_and_named_as_its_file(path: Path, registry: Registry) -> None:
    assert load(path, (), registry).name == path.stem


def _read_again(shown: Path, loaded: Loaded, registry: Registry) -> RunConfig:
    unused = UNUSED if isinstance(loaded, Comparison) else ()
    return parse_config(read_config(shown), registry, unused=unused)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_survives_being_shown(path: Path, registry: Registry, tmp_path: Path) -> None:
    shown = tmp_path / "shown.yaml"
    loaded = load(path, (), registry)
    for config in loaded.configs():
        shown.write_text(dump_config(config))
        again = _read_again(shown, loaded, registry)
        assert dump_config(again) == dump_config(config)
        assert again == config or isinstance(loaded, Study)  # of which some params have int keys


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_with_the_defaults_of_its_plugins_is_the_same(
    path: Path, registry: Registry, tmp_path: Path
) -> None:
    shown = tmp_path / "shown.yaml"
    loaded = load(path, (), registry)
    for config in loaded.configs():
        complete = with_defaults(config, registry)
        shown.write_text(dump_config(complete))
        again = _read_again(shown, loaded, registry)
        assert dump_config(with_defaults(again, registry)) == dump_config(complete)
        for (key, kind, given), (_, _, full) in zip(
            config.bindings(), again.bindings(), strict=True
        ):
            if key in UNUSED and isinstance(loaded, Comparison):
                continue
            one, other = (registry.params(kind, b.name, b.params) for b in (given, full))
            assert one == other, key


def test_the_defaults_of_plugins_are_told(registry: Registry) -> None:
    (path,) = (path for path in CONFIGS if path.stem == "quickstart")
    complete = with_defaults(load_config(path, (), registry), registry)
    assert complete.search.params["max_depth"] == 50
    assert complete.search.params["selection"]["params"] == {"c_puct": 1.0}
    assert complete.policy.params["processes"] == 2
    assert "prompt" not in complete.policy.params
