"""What a config may be given as, and values that YAML or pydantic would read as something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import astro
from astro.config.yaml import read_config, read_yaml
from astro.errors import ConfigError

SMALL: dict[str, Any] = {
    "name": "small",
    "problems": {"name": "countdown"},
    "step_format": {"name": "countdown"},
    "policy": {"name": "scripted"},
    "search": {"name": "mcts"},
    "verifier": {"name": "countdown"},
    "linearizer": {"name": "backtrack"},
}


def test_a_config_may_be_given_as_data_and_is_not_changed() -> None:
    given = {**SMALL, "search": {"name": "mcts", "params": {"expand": 2}}}
    config = astro.load_config(given, ["search.params.expand=3"])
    assert config.search.params["expand"] == 3
    assert given["search"] == {"name": "mcts", "params": {"expand": 2}}
    assert isinstance(astro.load(given), astro.Run)


def test_an_error_in_data_names_no_file() -> None:
    with pytest.raises(ConfigError, match=r"^the config: seed: ") as raised:
        astro.load_config({**SMALL, "seed": -1})
    assert len(raised.value.problems) == 1


def test_params_without_a_name_go_to_the_default_plugin() -> None:
    config = astro.load_config(SMALL, ["executor.params.concurrency=3"])
    assert (config.executor.name, config.executor.params["concurrency"]) == ("local", 3)


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("search.params.iterations=true", "search.params.iterations"),
        ("max_failed=true", "max_failed"),
        ("evaluate.samples=true", "evaluate.samples"),
        ("budget.tokens=false", "budget.tokens"),
        ("seed=true", "seed"),
    ],
)
def test_a_truth_value_is_no_number(override: str, path: str) -> None:
    with pytest.raises(ConfigError) as raised:
        astro.load_config(SMALL, [override])
    assert [problem.partition(":")[0] for problem in raised.value.problems] == [path]


def test_a_name_too_long_for_a_folder_is_refused() -> None:
    with pytest.raises(ConfigError, match="name: string should have at most 100 characters"):
        astro.load_config({**SMALL, "name": "a" * 300})


def test_plain_words_and_leading_zeros_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "kind: [no, off, y]\nlevel: 010\ntime: 1:30\nyes: true\ncount: 1_000\nhex: 0x1F\n"
    )
    assert read_yaml(path) == {
        "kind": ["no", "off", "y"],
        "level": "010",
        "time": "1:30",
        "yes": True,
        "count": 1000,
        "hex": 31,
    }


def test_a_seed_with_leading_zeros_is_decimal() -> None:
    assert astro.load_config(SMALL, ["seed=010"]).seed == 10
    assert read_config(SMALL, ["seed=-3"])["seed"] == -3
