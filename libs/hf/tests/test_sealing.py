"""A damaged checkpoint is removed, and the one before it is resumed from."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro.errors import TrainingError
from astro_hf.sealing import last_sealed, seal

PATTERN = "step-*"


def checkpoint(folder: Path, step: int, *, sealed: str | None = "one") -> Path:
    """A checkpoint with one file, sealed for a training unless `sealed` is None."""
    path = folder / f"step-{step}"
    path.mkdir()
    (path / "weights").write_bytes(b"weights")
    if sealed is not None:
        seal(path, sealed)
    return path


def test_the_newest_by_number_is_found(tmp_path: Path) -> None:
    checkpoint(tmp_path, 9)
    newest = checkpoint(tmp_path, 10)
    assert last_sealed(tmp_path, PATTERN, "one") == newest


def test_there_may_be_none(tmp_path: Path) -> None:
    assert last_sealed(tmp_path, PATTERN) is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "lost", "unsealed"])
def test_a_damaged_one_is_removed(tmp_path: Path, damage: str) -> None:
    sound = checkpoint(tmp_path, 1)
    damaged = checkpoint(tmp_path, 2, sealed=None if damage == "unsealed" else "one")
    weights = damaged / "weights"
    match damage:
        case "cut":
            weights.write_bytes(b"weig")
        case "flipped":
            weights.write_bytes(b"wEights")
        case "lost":
            weights.unlink()
    assert last_sealed(tmp_path, PATTERN, "one") == sound
    assert not damaged.exists()


def test_one_without_digests_is_accepted_where_earlier_releases_wrote_none(tmp_path: Path) -> None:
    old = checkpoint(tmp_path, 3, sealed=None)
    assert last_sealed(tmp_path, PATTERN, unsealed=True) == old


def test_one_of_another_training_is_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 1, sealed="other")
    with pytest.raises(TrainingError, match="other data or params"):
        last_sealed(tmp_path, PATTERN, "one")
    assert path.exists()
