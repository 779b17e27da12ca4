"""A run whose later stages have not begun goes on with other values of their keys."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_runs import notices, small_config

from astro.config.run import STAGES
from astro.engine.journal import Journal
from astro.errors import RunError
from astro.runs.changes import unread_keys
from astro.runs.folder import RunFolder

OUTPUTS = ("trees.jsonl", "traces.jsonl", "eval/base.jsonl", "eval/scores.json", "report.md")


@pytest.mark.parametrize(
    ("until", "change"),
    [
        ("search", {"linearizer": {"name": "backtrack", "params": {"max_backtracks": 0}}}),
        ("search", {"control": {"name": "direct"}}),
        ("linearize", {"evaluate": {"samples": 5}}),
    ],
)
def test_a_run_goes_on_as_if_its_config_had_been_this_one(
    tmp_path: Path, until: str, change: dict[str, Any]
) -> None:
    before = small_config(tmp_path)
    after = {**before, **change}
    notices(tmp_path / "changed", before, until=until)
    notices(tmp_path / "changed", after)
    notices(tmp_path / "fresh", after)
    changed, fresh = tmp_path / "changed" / "small", tmp_path / "fresh" / "small"
    for name in ("config.yaml", *OUTPUTS):
        assert (changed / name).read_bytes() == (fresh / name).read_bytes()


@pytest.mark.parametrize(
    ("until", "change"),
    [
        ("search", {"seed": 3}),
        ("search", {"linearizer": {"name": "backtrack"}, "trees": 1}),
        ("linearize", {"linearizer": {"name": "backtrack"}}),
        ("evaluate", {"evaluate": {"samples": 5}}),
    ],
)
def test_what_a_stage_has_read_does_not_change(
    tmp_path: Path, until: str, change: dict[str, Any]
) -> None:
    config = small_config(tmp_path)
    notices(tmp_path, config, until=until)
    stored = (tmp_path / "small" / "config.yaml").read_bytes()
    with pytest.raises(RunError, match="another config"):
        notices(tmp_path, {**config, **change})
    assert (tmp_path / "small" / "config.yaml").read_bytes() == stored


def stage(name: str, folder: Path) -> Any:
    models = {"sft": ["direct_sft", "sft"], "rl": ["rl"], "extra": ["mine"]}.get(name, [])
    output = folder / f"{name}.out"
    return SimpleNamespace(name=name, models=models, outputs=lambda _: [output])


@pytest.mark.parametrize(
    ("begun", "open_"),
    [
        ("search.out", {"linearizer", "sft", "rl", "evaluate.samples"}),
        ("linearize.out", {"sft", "rl", "evaluate.samples"}),
        ("direct_sft", {"rl", "evaluate.samples"}),
        ("rl", {"evaluate.samples"}),
        ("mine", {"evaluate.samples"}),
        ("evaluate.out", set[str]()),
        ("report.out", set[str]()),
    ],
)
def test_keys_are_open_until_their_stage_or_a_later_one_begins(
    tmp_path: Path, begun: str, open_: set[str]
) -> None:
    (tmp_path / begun).mkdir()
    stages = [stage(name, tmp_path) for name in (*STAGES, "extra")]
    keys = {"linearizer", "sft", "rl", "evaluate.samples"}
    assert keys & {*unread_keys(stages, RunFolder(tmp_path))} == open_


def test_a_recorded_reply_is_a_beginning(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    journal = Journal(folder.journal)
    journal.append("linearize/sft/1", 0, [], [])
    journal.close()
    keys = unread_keys([stage(name, tmp_path) for name in STAGES], folder)
    assert "sft" in keys
    assert "linearizer" not in keys
