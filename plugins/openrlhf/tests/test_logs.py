"""Rows as JSON Lines and in TensorBoard, and rows that come again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from astro.files import read_lines
from astro_openrlhf.logs import Logs


def scalars(folder: Path) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars("reward")]


def write(folder: Path, rows: list[tuple[int, float]]) -> None:
    with closing(Logs(folder)) as logs:
        for step, reward in rows:
            logs.append({"step": step, "reward": reward})


def test_rows(tmp_path: Path) -> None:
    write(tmp_path, [(1, 0.25), (2, 0.5)])
    rows = [{"step": 1, "reward": 0.25}, {"step": 2, "reward": 0.5}]
    assert list(read_lines(tmp_path / "metrics.jsonl", dict[str, float])) == rows
    assert scalars(tmp_path / "tensorboard") == [(1, 0.25), (2, 0.5)]


def test_steps_that_come_again_take_the_place_of_the_old(tmp_path: Path) -> None:
    write(tmp_path, [(1, 0.25), (2, 0.5), (3, 0.75)])
    write(tmp_path, [(2, 1.0)])
    assert scalars(tmp_path / "tensorboard") == [(1, 0.25), (2, 1.0)]


def test_nothing_new_leaves_all_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, [(1, 0.25)])
    write(tmp_path, [])
    assert scalars(tmp_path / "tensorboard") == [(1, 0.25)]


def test_a_row_that_a_kill_has_cut_short_goes(tmp_path: Path) -> None:
    write(tmp_path, [(1, 0.25), (2, 0.5)])
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert Logs(tmp_path).rows == [{"step": 1, "reward": 0.25}]
