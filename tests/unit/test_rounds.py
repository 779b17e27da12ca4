"""Rounds: the run that each is, what its fine-tuning learns from, and when they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from astro.config.loading import parse_config
from astro.config.run import RoundsConfig, RunConfig
from astro.errors import ConfigError
from astro.experiments.rounds import Rounds, round_config, stalled
from astro.files import write_lines
from astro.plugins.registry import Registry
from astro.runs.runner import run
from astro.runs.stages.sft import _distinct

RAW: dict[str, Any] = {
    "name": "turns",
    "problems": {"name": "countdown", "params": {"train": 6, "dev": 4, "test": 5}},
    "step_format": {"name": "countdown"},
    "policy": {"name": "transformers", "params": {"model": "tiny-countdown"}},
    "verifier": {"name": "countdown"},
    "search": {"name": "mcts"},
    "linearizer": {"name": "backtrack"},
    "sft": {"name": "transformers"},
    "rounds": {"n": 3},
}


def parsed(**changes: Any) -> RunConfig:
    return parse_config({**RAW, **changes}, Registry.discover().as_if_installed())


def turn(number: int, **changes: Any) -> RunConfig:
    config = parsed(**changes)
    assert config.rounds
    return round_config(config, config.rounds, number, Path("runs/turns"))


@pytest.mark.parametrize(
    ("scores", "patience", "min_gain", "expected"),
    [
        ([0.2], 1, 0.0, False),
        ([0.2, 0.3], 1, 0.0, False),
        ([0.2, 0.2], 1, 0.0, True),
        ([0.2, 0.3, 0.25], 1, 0.0, True),
        ([0.2, 0.3, 0.25], 2, 0.0, False),
        ([0.2, 0.3, 0.25, 0.3], 2, 0.0, True),
        ([0.2, 0.3, 0.25, 0.31], 2, 0.0, False),
        ([0.2, 0.24], 1, 0.05, True),
        ([0.2, 0.26], 1, 0.05, False),
    ],
)
def test_when_rounds_end(
    scores: list[float], patience: int, min_gain: float, expected: bool
) -> None:
    assert stalled(scores, RoundsConfig(n=9, patience=patience, min_gain=min_gain)) is expected


def test_the_first_round_is_the_run_on_the_sets_of_the_rounds() -> None:
    first = turn(1)
    assert first.sft
    assert (first.name, first.rounds, first.sft.model, first.sft.runs) == (
        "round-1",
        None,
        None,
        (),
    )
    assert first.policy.params["model"] == "tiny-countdown"
    assert {name: held.split for name, held in first.evaluate.sets.items()} == {
        "dev": "dev",
        "test": "test",
    }
    assert "base" in first.evaluate.models


def test_a_later_round_searches_with_the_model_before_and_trains_the_base() -> None:
    third = turn(3)
    assert third.policy.params["model"] == str(Path("runs/turns/round-2/sft/model"))
    assert third.sft
    assert third.sft.model == "tiny-countdown"
    assert third.sft.runs == (str(Path("runs/turns/round-1")), str(Path("runs/turns/round-2")))
    assert "base" not in third.evaluate.models
    assert len({turn(number).seed for number in (1, 2, 3)}) == 3


def test_rl_hands_on_its_own_model_and_the_options_hold() -> None:
    rl = {"name": "grpo"}
    second = turn(2, rl=rl, rounds={"n": 2, "start": "last", "pool": False})
    assert second.policy.params["model"] == str(Path("runs/turns/round-1/rl/model"))
    assert second.sft
    assert second.sft.model == second.policy.params["model"]
    assert second.sft.runs == ()


def test_own_sets_are_kept_beside_the_one_that_ends_the_rounds() -> None:
    sets = {"hard": {"name": "countdown", "params": {"difficulty": "hard", "test": 3}}}
    assert set(turn(1, evaluate={"sets": sets}).evaluate.sets) == {"dev", "hard"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rounds": {"n": 0}}, "rounds.n: .*greater than or equal to 1"),
        ({"sft": None}, "rounds: each has to train and evaluate a model"),
        ({"evaluate": {"models": ["base"]}}, "rounds: each has to train and evaluate a model"),
        ({"rounds": {"n": 2, "start": "first"}}, "rounds.start"),
    ],
)
def test_bad_rounds_are_named(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        parsed(**changes)


def test_a_run_of_rounds_and_rounds_of_a_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rounds: run them with astro.load"):
        run(parsed(), runs=tmp_path)
    with pytest.raises(ConfigError, match="rounds: missing"):
        Rounds(parsed(rounds=None), Registry.discover()).run(runs=tmp_path)


def test_a_pool_holds_each_response_once(tmp_path: Path) -> None:
    rows = [{"id": f"p#{i}", "messages": [{"content": text}]} for i, text in enumerate("aab")]
    write_lines(tmp_path / "own", rows[:1])
    write_lines(tmp_path / "other", rows)
    write_lines(tmp_path / "namesake", [{"id": "q#0", "messages": [{"content": "c"}]}])
    files = [("", "own"), ("round-1/", "other"), ("round-1/", "namesake")]
    pool = list(_distinct([(prefix, tmp_path / name) for prefix, name in files]))
    assert [row["id"] for row in pool] == ["p#0", "round-1/p#2", "round-1/q#0"]
    assert json.loads((tmp_path / "other").read_text().splitlines()[1])["id"] == "p#1"
