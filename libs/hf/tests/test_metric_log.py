from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from astro.files import read_lines
from astro_hf.metric_log import MetricLog, read_rows
from astro_hf.params import Wandb


def scalars(run_dir: Path, name: str) -> list[tuple[int, float]]:
    """What TensorBoard reads of a figure: (step, value)."""
    events = EventAccumulator(str(run_dir / "tensorboard"), purge_orphaned_data=False)
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_a_killed_run_leaves_no_row_twice_and_none_past_its_checkpoint(tmp_path: Path) -> None:
    logs = MetricLog(tmp_path, done=0)
    for step in (1, 2, 3):
        logs.append({"step": step, "reward": step / 4})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "rew')
    again = MetricLog(tmp_path, done=2)
    assert again.rows == [{"step": 1, "reward": 0.25}, {"step": 2, "reward": 0.5}]
    again.append({"step": 3, "reward": 1.0})
    again.close()
    assert [row["step"] for row in read_rows(tmp_path)] == [1, 2, 3]
    assert scalars(tmp_path, "reward") == [(1, 0.25), (2, 0.5), (3, 1.0)]


def test_a_row_is_readable_as_soon_as_it_is_there(tmp_path: Path) -> None:
    MetricLog(tmp_path, done=0).append({"step": 1, "verdict/correct": 0.5})
    assert read_rows(tmp_path) == [{"step": 1, "verdict/correct": 0.5}]
    assert scalars(tmp_path, "verdict/correct") == [(1, 0.5)]


def test_rows_of_a_folder_without_a_run(tmp_path: Path) -> None:
    assert read_rows(tmp_path) == []


def test_wandb_gets_the_rows_if_configured(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="needs wandb")
    logs = MetricLog(tmp_path, done=0, wandb=Wandb(project="astro", mode="offline"))
    logs.append({"step": 1, "reward": 0.5})
    logs.close()
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


def write(folder: Path, rows: list[tuple[int, float]]) -> None:
    with closing(MetricLog(folder)) as logs:
        for step, reward in rows:
            logs.append({"step": step, "reward": reward})


def test_rows(tmp_path: Path) -> None:
    write(tmp_path, [(1, 0.25), (2, 0.5)])
    rows = [{"step": 1, "reward": 0.25}, {"step": 2, "reward": 0.5}]
    assert list(read_lines(tmp_path / "metrics.jsonl", dict[str, float])) == rows
    assert scalars(tmp_path, "reward") == [(1, 0.25), (2, 0.5)]


def test_steps_that_come_again_take_the_place_of_the_old(tmp_path: Path) -> None:
    write(tmp_path, [(1, 0.25), (2, 0.5), (3, 0.75)])
    write(tmp_path, [(2, 1.0)])
    assert scalars(tmp_path, "reward") == [(1, 0.25), (2, 1.0)]


def test_nothing_new_leaves_all_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, [(1, 0.25)])
    write(tmp_path, [])
    assert scalars(tmp_path, "reward") == [(1, 0.25)]


def test_a_row_that_a_kill_has_cut_short_goes(tmp_path: Path) -> None:
    write(tmp_path, [(1, 0.25), (2, 0.5)])
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert MetricLog(tmp_path).rows == [{"step": 1, "reward": 0.25}]
