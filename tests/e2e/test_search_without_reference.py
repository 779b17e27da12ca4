"""Searches without a verifier: trees without verdicts, whatever the search."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from small_runs import notices, small_config

from astro.files import read_lines
from astro.testing.trees import faults
from astro.types import SearchTree

SEARCHES: dict[str, dict[str, Any]] = {
    "mcts": {"expand": 3, "iterations": 8},
    "self_consistency": {"samples": 8},
    "best_of_n": {"samples": 6},
    "beam": {"width": 2, "expand": 2},
    "dvts": {"samples": 4, "width": 2},
    "rebase": {"samples": 6},
    "particle": {"particles": 4},
    "tot_bfs": {"width": 2, "expand": 3},
    "tot_dfs": {"expand": 3, "threshold": 0.0},
    "ab_mcts": {"iterations": 40},
}
QUESTIONS = [
    {"id": f"q{i}", "prompt": f"how many? {i}", **answer}
    for i, answer in enumerate([{"answer": "unknown"}, {"answer": None}, {"answer": ""}, {}, {}])
]


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
    assert all(0.0 < value < 1.0 for value in rated)


MANY = [{"id": f"q{i}", "prompt": f"how many? {i}", "answer": "unknown"} for i in range(500)]
OPTIONS = {
    "mcts": {"widening": {}, "keep_rollouts": True},
    "ab_mcts": {"iterations": 12},
    "tot_dfs": {"visits": 8},
}
POLICY = {
    "name": "scripted",
    "params": {
        "lines": ["think\n", "add\n"],
        "answers": ["the answer is 1/2\n", "the answer is 0.5\n", "2\n", "the answer is\n"],
        "length": 2,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("search", SEARCHES)
def test_500_questions_without_a_fault(tmp_path: Path, search: str) -> None:
    """Nothing failed, and trees have answers; 12 steps of ab_mcts need not come to one."""
    config = small_config(
        tmp_path,
        MANY,
        verifier={"name": "none"},
        value={"name": "self_consistency", "params": {"rollouts": 2, "max_tokens": 16}},
        search={"name": search, "params": SEARCHES[search] | OPTIONS.get(search, {})},
        policy=POLICY,
        max_failed=0,
    )
    notices(tmp_path, config, stages=["search"])
    trees = list(read_lines(tmp_path / "small" / "trees.jsonl", SearchTree))
    assert len(trees) == len(MANY)
    assert not any(faults(tree) for tree in trees)
    assert search == "ab_mcts" or all(tree.terminals() for tree in trees)


@pytest.mark.parametrize("value", ["p_true", "logprob", "self_consistency"])
@pytest.mark.parametrize("name", ["backtrack", "direct"])
def test_traces_of_trees_without_verdicts_end_at_the_selected_answer(
    tmp_path: Path, value: str, name: str
) -> None:
    config = small_config(
        tmp_path,
        QUESTIONS,
        verifier={"name": "none"},
        value={"name": value},
        policy=POLICY,
        search={"name": "best_of_n", "params": {"samples": 16}},
        linearizer={"name": name, "params": {"select": "weighted"}},
    )
    told = notices(tmp_path, config, stages=["search", "linearize"])
    assert not any(notice.startswith("warning") for notice in told)
    rows = [json.loads(line) for line in (tmp_path / "small" / "traces.jsonl").open()]
    assert len(rows) == len(QUESTIONS)
    trees = {tree.problem.id: tree for tree in read_trees(tmp_path)}
    for row in rows:
        tree = trees[row["problem"]]
        weights = Counter[str]()
        for node in tree.terminals():
            text = "".join(step.step.text for step in tree.path(node.id))
            weights[text.strip().splitlines()[-1]] += node.visit_count * node.value
        ((best, _),) = weights.most_common(1)
        assert row["messages"][1]["content"].strip().splitlines()[-1] == best == row["answer"]


def test_without_a_selection_a_warning_says_what_to_do(tmp_path: Path) -> None:
    config = small_config(
        tmp_path, QUESTIONS, verifier={"name": "none"}, value={"name": "p_true"}, policy=POLICY
    )
    told = notices(tmp_path, config, stages=["search", "linearize"])
    (warning,) = [notice for notice in told if notice.startswith("warning")]
    assert "no verdicts, because verifier.name is none" in warning
    assert "linearizer.params.select" in warning


def read_trees(folder: Path) -> list[SearchTree]:
    return list(read_lines(folder / "small" / "trees.jsonl", SearchTree))
