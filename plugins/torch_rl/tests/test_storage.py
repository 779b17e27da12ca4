from __future__ import annotations

from pathlib import Path

import pytest

from astro.errors import TrainingError
from astro_torch_rl.storage import MetricsLog, whole_folder


def test_rows_after_the_checkpoint_and_cut_rows_are_forgotten(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    for step in (1, 2, 3):
        log.append({"step": step, "reward": step / 4})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "rew')
    log.truncate(2)
    assert log.rows() == [{"step": 1, "reward": 0.25}, {"step": 2, "reward": 0.5}]
    log.append({"step": 3})
    assert [row["step"] for row in log.rows()] == [1, 2, 3]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "model"
    refused = pytest.raises(TrainingError, match=r"cannot write .*model: no space")
    with refused, whole_folder(target) as folder:
        (folder / "half").write_text("x")
        raise OSError("no space")
    assert list(tmp_path.iterdir()) == []
    with whole_folder(target) as folder:
        (folder / "all").write_text("x")
    assert [path.name for path in target.iterdir()] == ["all"]
    assert list(tmp_path.iterdir()) == [target]
