"""Searches of a run that a reward model guides."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import notices, small_config

from astro.files import read_lines
from astro.types import SearchTree


@pytest.mark.parametrize(
    "search",
    [
        {"name": "beam", "params": {"width": 2, "expand": 2}},
        {"name": "mcts", "params": {"expand": 2, "iterations": 4}},
    ],
)
def test_a_run_is_guided_by_a_reward_model(
    tmp_path: Path, checkpoints: dict[str, Path], search: dict[str, object]
) -> None:
    config = small_config(
        tmp_path,
        search=search,
        value={"name": "reward_model", "params": {"aggregation": "min"}},
        models={
            "reward": {
                "name": "reward_model",
                "params": {"model": str(checkpoints["qwen_prm"]), "device": "cpu"},
            }
        },
        policy={
            "name": "scripted",
            "params": {"lines": ["a\n", "b\n"], "answers": ["the answer is 1\n"], "length": 2},
        },
    )
    notices(tmp_path, config, stages=["search"])
    trees = list(read_lines(tmp_path / "small" / "trees.jsonl", SearchTree))
    assert len(trees) == 3
    nodes = [node for tree in trees for node in tree.nodes[1:]]
    guided = [node for node in nodes if search["name"] == "beam" or not node.terminal]
    assert guided
    assert all(0.0 < node.value < 1.0 for node in guided)
