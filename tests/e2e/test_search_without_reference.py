"""Searches without a verifier: trees without verdicts, whatever the search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_runs import notices, small_config

from astro.files import read_lines
from astro.types import SearchTree

SEARCHES: dict[str, dict[str, Any]] = {
    "mcts": {"expand": 3, "iterations": 8},
    "best_of_n": {"samples": 6},
    "beam": {"width": 2, "expand": 2},
    "dvts": {"samples": 4, "width": 2},
    "rebase": {"samples": 6},
    "particle": {"particles": 4},
    "tot_bfs": {"width": 2, "expand": 3},
    "tot_dfs": {"expand": 3, "threshold": 0.0},
    "ab_mcts": {"iterations": 40},
}
QUESTIONS = [{"id": f"q{i}", "prompt": f"how many? {i}", "answer": "unknown"} for i in range(6)]


@pytest.mark.parametrize("search", SEARCHES)
def test_a_search_needs_no_verdicts(tmp_path: Path, search: str) -> None:
    config = small_config(
        tmp_path,
        QUESTIONS,
        verifier={"name": "none"},
        value={"name": "p_true"},
        search={"name": search, "params": SEARCHES[search]},
        policy={
            "name": "scripted",
            "params": {
                "lines": ["think\n", "add\n"],
                "answers": ["the answer is 1\n", "the answer is 2\n"],
                "length": 2,
            },
        },
    )
    notices(tmp_path, config, stages=["search"])
    trees = list(read_lines(tmp_path / "small" / "trees.jsonl", SearchTree))
    assert len(trees) == len(QUESTIONS)
    for tree in trees:
        assert tree.terminals()
        assert all(node.verdict is None for node in tree.nodes)
        assert not tree.solved
    rated = [node.value for tree in trees for node in tree.terminals()]
    assert search == "best_of_n" or all(0.0 < value < 1.0 for value in rated)
