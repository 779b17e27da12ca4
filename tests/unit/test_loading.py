"""One way from a config file to what it describes, and one way to run that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import astro
from astro.config.loading import read_stored
from astro.errors import ConfigError
from astro.experiments.loading import load_run

RUN: dict[str, Any] = {
    "name": "small",
    "problems": {"name": "countdown", "params": {"train": 4, "dev": 2, "test": 2}},
    "step_format": {"name": "countdown"},
    "policy": {"name": "countdown_walker"},
    "verifier": {"name": "countdown"},
    "search": {"name": "mcts", "params": {"expand": 2, "iterations": 2}},
    "linearizer": {"name": "direct"},
}
SEARCHES: dict[str, Any] = {"deep": {"reference": True}, "wide": {"reference": True}}
ARMS = {"one": {}, "two": {"linearizer": {"name": "backtrack"}}}
TRAINED = {
    "policy": {"name": "transformers", "params": {"model": "tiny-countdown"}},
    "sft": {"name": "transformers"},
}


def write(folder: Path, **keys: Any) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**RUN, **keys}))
    return path


@pytest.mark.parametrize(
    ("keys", "kind", "configs"),
    [
        ({}, astro.Run, ["small"]),
        ({"arms": ARMS, "seeds": [3, 4]}, astro.Study, ["one", "two"]),
        ({"searches": SEARCHES, "budgets": [8]}, astro.Comparison, ["deep", "wide"]),
        ({"rounds": {"n": 2}, **TRAINED}, astro.Rounds, ["small"]),
    ],
)
def test_a_file_is_what_its_keys_say(
    tmp_path: Path, keys: dict[str, Any], kind: type, configs: list[str]
) -> None:
    loaded = astro.load(write(tmp_path, **keys), ["trees=3"])
    assert type(loaded) is kind
    assert loaded.name == "small"
    assert [config.name for config in loaded.configs()] == configs
    assert {config.trees for config in loaded.configs()} == {3}


def test_a_loaded_run_runs_as_its_config_does(tmp_path: Path) -> None:
    loaded = astro.load(write(tmp_path))
    assert isinstance(loaded, astro.Run)
    loaded.run(runs=tmp_path / "loaded", until="search")
    astro.run(loaded.config, runs=tmp_path / "config", until="search")
    one, other = (
        (tmp_path / f / "small" / "trees.jsonl").read_bytes() for f in ("loaded", "config")
    )
    assert one == other


@pytest.mark.parametrize("keys", [{}, {"arms": ARMS}, {"rounds": {"n": 2}, **TRAINED}])
def test_an_unknown_stage_is_an_error_before_any_work(tmp_path: Path, keys: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"until: expected one of search, .*, got 'lunch'"):
        astro.load(write(tmp_path, **keys)).run(runs=tmp_path / "runs", until="lunch")
    assert not list((tmp_path / "runs").rglob("journal.db"))


def test_a_command_for_one_run_refuses_a_study(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="arms: this is a study"):
        load_run(write(tmp_path, arms=ARMS))
    with pytest.raises(ConfigError, match="searches: this is a comparison"):
        load_run(write(tmp_path, searches=SEARCHES, budgets=[8]))
    assert load_run(write(tmp_path)).name == "small"


@pytest.mark.parametrize(
    ("overrides", "params"),
    [
        (["search.name=best_of_n"], {}),
        (["search.name=mcts"], RUN["search"]["params"]),
        (["search.params.samples=3", "search.name=best_of_n"], {"samples": 3}),
        (["search.name=best_of_n", "search.params.samples=3"], {"samples": 3}),
    ],
)
def test_a_new_name_drops_the_params_of_the_old_plugin(
    tmp_path: Path, overrides: list[str], params: dict[str, Any]
) -> None:
    assert load_run(write(tmp_path), overrides).search.params == params


def test_a_new_name_within_params_drops_what_stands_beside_it(tmp_path: Path) -> None:
    selection = {"name": "puct", "params": {"c_puct": 1.5}}
    path = write(tmp_path, search={"name": "mcts", "params": {"selection": selection}})
    search = load_run(path, ["search.params.selection.name=uct"]).search
    assert search.params == {"selection": {"name": "uct"}}


def test_a_stored_config_that_is_not_valid_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, seed=-1)
    with pytest.raises(ConfigError) as error:
        read_stored(path)
    assert error.value.lines == [f"{path}: seed: expected greater than or equal to 0, got -1"]
