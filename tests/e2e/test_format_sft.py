"""A base model that is taught the step format first, on the problems' own solutions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_runs import PROBLEMS, small_config

import astro
from astro.config.loading import parse_config
from astro.errors import ConfigError, ProblemError
from astro.experiments.rounds import round_config
from astro.files import read_json
from astro.plugins.registry import Registry
from astro_countdown.model_path import path as model_path

TAUGHT = {"name": "transformers", "problems": 4, "params": {"epochs": 2, "batch_size": 2}}


def countdown(**keys: Any) -> dict[str, Any]:
    return {
        "name": "taught",
        "problems": {"name": "countdown", "params": {"train": 6, "test": 2}},
        "step_format": {"name": "countdown"},
        "policy": {"name": "transformers", "params": {"model": "tiny-countdown"}},
        "format_sft": TAUGHT,
        "verifier": {"name": "countdown"},
        "search": {"name": "best_of_n", "params": {"samples": 2, "step_tokens": 16}},
        "linearizer": {"name": "direct"},
        "evaluate": {"models": ["base"], "samples": 1, "max_tokens": 32},
        **keys,
    }


def test_the_run_starts_from_the_taught_model(tmp_path: Path) -> None:
    registry = Registry.discover()
    config = parse_config(countdown(), registry)
    folder = astro.run(config, runs=tmp_path, registry=registry).folder
    rows = [json.loads(line) for line in (folder / "format_traces.jsonl").open()]
    assert len(rows) == 4
    for row in rows:
        said = row["messages"][1]["content"]
        assert "".join(segment["text"] for segment in row["segments"]) == said
        assert said.endswith("\n") and said.splitlines()[-1] == f"answer {row['answer']}"
    trees = [json.loads(line)["problem"]["id"] for line in (folder / "trees.jsonl").open()]
    assert len(trees) == 2 and not {*trees} & {row["problem"] for row in rows}
    assert read_json(folder / "base" / "metrics.json", dict[str, float])["tokens"] > 0
    weights = (folder / "base" / "model" / "model.safetensors").read_bytes()
    assert weights != (model_path() / "model.safetensors").read_bytes()
    assert (folder / "eval" / "base.jsonl").exists()


def test_rounds_start_from_what_the_first_one_was_taught(tmp_path: Path) -> None:
    keys = {"sft": {"name": "transformers"}, "rounds": {"n": 2}, "evaluate": {"split": "dev"}}
    config = parse_config(countdown(**keys), Registry.discover())
    assert config.rounds is not None
    first, second = (round_config(config, config.rounds, n, tmp_path) for n in (1, 2))
    assert first.format_sft == config.format_sft and second.format_sft is None
    assert second.sft is not None
    assert second.sft.model == str(tmp_path / "round-1" / "base" / "model")


@pytest.mark.parametrize(
    ("problems", "expected"),
    [(1, "problem 'set/2' comes without a solution"), (3, "leave none to search")],
)
def test_what_cannot_be_taught(tmp_path: Path, problems: int, expected: str) -> None:
    policy = {"name": "transformers", "params": {"model": "tiny-countdown"}}
    taught = {**TAUGHT, "problems": problems}
    config = small_config(tmp_path, PROBLEMS, policy=policy, format_sft=taught, decontaminate=False)
    parsed = parse_config(config, Registry.discover())
    with pytest.raises(ProblemError, match=expected):
        astro.run(parsed, runs=tmp_path / "runs")


def test_a_policy_without_weights_cannot_be_taught(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="scripted has no param model"):
        parse_config(small_config(tmp_path, format_sft=TAUGHT), Registry.discover())
