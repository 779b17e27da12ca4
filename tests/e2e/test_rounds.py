"""Two rounds with the embedded model, killed on the way: they end as the uninterrupted ones do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_chain import CHAIN, kill_at
from tests.e2e.test_kill import finish

Launch = Callable[..., "subprocess.Popen[str]"]
TURNS: dict[str, Any] = {
    **{key: value for key, value in CHAIN.items() if key not in ("control", "rl")},
    "name": "turns",
    "problems": {"name": "countdown", "params": {"train": 12, "dev": 6, "test": 6}},
    "sft": {
        "name": "transformers",
        "params": {"epochs": 4, "batch_size": 4, "save_steps": 5, "threads": 1},
    },
    "evaluate": {"samples": 2, "max_tokens": 64, "greedy": False},
    "rounds": {"n": 2, "patience": 2},
}


def results(runs: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((runs / "turns" / "results.json").read_text())
    return found


def without_folders(found: dict[str, Any]) -> list[Any]:
    return [turn["pass_at_1"] for turn in found["rounds"]]


@pytest.mark.timeout(300)
def test_rounds_hand_on_their_model_and_survive_kills(launch: Launch, tmp_path: Path) -> None:
    finish(launch(tmp_path / "whole", config=TURNS))
    whole = tmp_path / "whole"
    found = results(whole)
    assert [turn["number"] for turn in found["rounds"]] == [0, 1, 2]
    assert all(set(turn["pass_at_1"]) == {"dev", "test"} for turn in found["rounds"])
    second = (whole / "turns" / "round-2" / "config.yaml").read_text()
    assert "round-1/sft/model" in second
    assert "  model: tiny-countdown\n" in second
    own, pooled = (
        (whole / "turns" / "round-2" / name).read_text().splitlines()
        for name in ("traces.jsonl", "pooled_traces.jsonl")
    )
    earlier = (whole / "turns" / "round-1" / "traces.jsonl").read_text().splitlines()
    assert len(own) <= len(pooled) <= len(own) + len(earlier)
    assert any(json.loads(line)["id"].startswith("round-1/") for line in pooled)

    killed = tmp_path / "killed"
    for pattern in ("round-1/sft/checkpoints/*", "round-2/journal.db", "round-2/sft/checkpoints/*"):
        assert kill_at(launch(killed, config=TURNS), killed / "turns", pattern)
    finish(launch(killed, config=TURNS))
    assert without_folders(results(killed)) == without_folders(found)
    assert (killed / "turns/round-2/trees.jsonl").stat().st_size > 0


def test_rounds_end_when_accuracy_has_stopped_rising(launch: Launch, tmp_path: Path) -> None:
    rounds = {**TURNS, "rounds": {"n": 5, "min_gain": 1.0}}
    finish(launch(tmp_path, config=rounds))
    found = results(tmp_path)
    assert found["stalled"]
    assert [turn["number"] for turn in found["rounds"]] == [0, 1]
    assert not (tmp_path / "turns" / "round-2").exists()
