"""A training's files, and what a kill leaves of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro.errors import TrainingError
from astro_openrlhf.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path / "rl")
    found.folder.mkdir(parents=True)
    return found


def test_the_model_is_handed_over_whole_or_not_at_all(workspace: Workspace) -> None:
    workspace.exported.mkdir()
    with pytest.raises(TrainingError, match="ended without a model"):
        workspace.hand_over()
    (workspace.exported / "config.json").touch()
    workspace.hand_over()
    assert (workspace.model / "config.json").exists()


def test_only_what_a_kill_has_left_half_is_cleared(workspace: Workspace) -> None:
    whole, half = workspace.checkpoints / "_actor", workspace.checkpoints / "_critic"
    for folder in (whole, half):
        (folder / "global_step3").mkdir(parents=True)
    (whole / "latest").write_text("global_step3")
    workspace.exported.mkdir()
    workspace.clear_broken()
    assert whole.exists()
    assert not half.exists()
    assert not workspace.exported.exists()


def test_updates_done_by_the_last_checkpoint(workspace: Workspace) -> None:
    assert workspace.done() == 0
    workspace.checkpoints.mkdir()
    (workspace.checkpoints / "latest").write_text("global_step12")
    assert workspace.done() == 12


@pytest.mark.parametrize("name", ["a,b", "a@b"])
def test_a_path_that_openrlhf_would_take_apart(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainingError, match="reads ',' and '@'"):
        Workspace(tmp_path / name)
