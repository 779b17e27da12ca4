"""A damaged checkpoint is removed, and the one before it is resumed from."""

from __future__ import annotations

import json
import os
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


def test_no_flipped_bit_is_read_as_another_training(tmp_path: Path) -> None:
    """Every bit of the manifest; none makes the checkpoint another's, or raises an error."""
    sound = checkpoint(tmp_path, 1)
    damaged = checkpoint(tmp_path, 2)
    manifest = (damaged / "manifest.json").read_bytes()
    for bit in range(0, 8 * len(manifest), 3):
        flipped = bytearray(manifest)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.mkdir(exist_ok=True)
        (damaged / "weights").write_bytes(b"weights")
        (damaged / "manifest.json").write_bytes(flipped)
        found = last_sealed(tmp_path, PATTERN, "one")
        # Blanks, and the name of the manifest's own digest, do not matter to a sound checkpoint.
        assert found == sound or (found == damaged and b"weights" in flipped), bit


def test_a_manifest_without_a_digest_of_its_own_is_read(tmp_path: Path) -> None:
    old = checkpoint(tmp_path, 1)
    manifest = json.loads((old / "manifest.json").read_text())
    del manifest["digest"]
    (old / "manifest.json").write_text(json.dumps(manifest))
    assert last_sealed(tmp_path, PATTERN, "one") == old


def test_a_checkpoint_is_on_the_disk_before_it_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    checkpoint(tmp_path, 1)
    assert synced.index("weights") < synced.index("manifest.json")
    assert synced[-1] == "step-1"


def test_one_without_digests_is_accepted_where_earlier_releases_wrote_none(tmp_path: Path) -> None:
    old = checkpoint(tmp_path, 3, sealed=None)
    assert last_sealed(tmp_path, PATTERN, unsealed=True) == old


def test_one_of_another_training_is_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 1, sealed="other")
    with pytest.raises(TrainingError, match="other data or params"):
        last_sealed(tmp_path, PATTERN, "one")
    assert path.exists()
