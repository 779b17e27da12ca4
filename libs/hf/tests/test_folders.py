from __future__ import annotations

from pathlib import Path

import pytest

from astro.errors import TrainingError
from astro_hf.folders import whole_folder


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
