"""A training's files, and what a kill leaves of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from astro.errors import MissingEngineError, TrainingError
from astro.interfaces import RLJob
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


def save(folder: Path, tag: str, *, files: int = 2, marked: bool = True) -> None:
    """A checkpoint of two files as OpenRLHF leaves it, or as far as it has come."""
    (folder / tag).mkdir(parents=True, exist_ok=True)
    for name in ("mp_rank_00_model_states.pt", "zero_pp_rank_0_optim_states.pt")[:files]:
        (folder / tag / name).touch()
    if marked:
        (folder / "latest").write_text(tag)


def left(folder: Path) -> tuple[str, set[str]]:
    """What the mark names, and the checkpoints."""
    return (folder / "latest").read_text(), {path.name for path in folder.glob("*global_step*")}


def test_a_whole_actor_alone_is_kept_and_a_half_one_is_not(workspace: Workspace) -> None:
    actor = workspace.checkpoints / "_actor"
    save(actor, "global_step3")
    save(actor, "global_step6", marked=False)
    save(workspace.checkpoints, "global_step3_hf", marked=False)
    workspace.exported.mkdir()
    workspace.clear_broken()
    assert left(actor) == ("global_step3", {"global_step3", "global_step6"})
    assert not workspace.exported.exists()
    (actor / "latest").unlink()
    workspace.clear_broken()
    assert not actor.exists()


@pytest.fixture
def pair(workspace: Workspace) -> tuple[Path, Path]:
    """The folders of actor and critic."""
    return workspace.checkpoints / "_actor", workspace.checkpoints / "_critic"


@pytest.mark.parametrize("ahead", [0, 1])
@pytest.mark.parametrize("begun", [True, False])
def test_a_kill_in_the_first_save_leaves_neither_actor_nor_critic(
    workspace: Workspace, pair: tuple[Path, Path], ahead: int, begun: bool
) -> None:
    save(pair[ahead], "global_step20")
    if begun:
        save(pair[1 - ahead], "global_step20", files=1, marked=False)
    workspace.clear_broken(critic=True)
    assert not pair[0].exists()
    assert not pair[1].exists()


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_kill_in_a_later_save_sets_actor_and_critic_back_to_one_step(
    workspace: Workspace, pair: tuple[Path, Path], ahead: int
) -> None:
    for folder in pair:
        save(folder, "global_step80")
        save(folder, "global_step100")
    save(pair[ahead], "global_step120")
    save(pair[1 - ahead], "global_step120", marked=False)
    workspace.clear_broken(critic=True)
    kept = {"global_step80", "global_step100"}
    assert left(pair[0]) == left(pair[1]) == ("global_step100", kept)


def test_what_is_whole_in_actor_and_critic_stays(
    workspace: Workspace, pair: tuple[Path, Path]
) -> None:
    for folder in pair:
        save(folder, "global_step20")
        save(folder, "global_step40")
    workspace.clear_broken(critic=True)
    kept = {"global_step20", "global_step40"}
    assert left(pair[0]) == left(pair[1]) == ("global_step40", kept)


@pytest.mark.parametrize("files", [0, 1])
def test_without_a_checkpoint_whole_in_both_there_is_none(
    workspace: Workspace, pair: tuple[Path, Path], files: int
) -> None:
    actor, critic = pair
    save(actor, "global_step40")
    save(critic, "global_step20", files=files)
    save(critic, "global_step40", files=1, marked=False)
    if files:
        save(actor, "global_step20")
        (actor / "latest").write_text("global_step40")
    workspace.clear_broken(critic=True)
    assert not actor.exists()
    assert not critic.exists()


def test_the_best_checkpoint_is_saved_after_that_of_its_step(
    workspace: Workspace, pair: tuple[Path, Path]
) -> None:
    actor, critic = pair
    for folder in pair:
        save(folder, "global_step20")
    save(actor, "best_global_step20")
    save(critic, "best_global_step20", marked=False)
    workspace.clear_broken(critic=True)
    assert left(actor) == left(critic) == ("global_step20", {"global_step20"})


def test_an_emptied_mark_names_nothing(workspace: Workspace, pair: tuple[Path, Path]) -> None:
    for folder in pair:
        save(folder, "global_step20")
    (pair[1] / "latest").write_text("")
    workspace.clear_broken(critic=True)
    assert not pair[0].exists()
    assert not pair[1].exists()


@pytest.mark.parametrize(("name", "kept"), [("openrlhf_grpo", True), ("openrlhf_ppo", False)])
def test_only_ppo_needs_a_critic_beside_the_actor(
    build: Any, step_format: Any, job: RLJob, name: str, kept: bool
) -> None:
    actor = Workspace(job.run_dir).checkpoints / "_actor"
    save(actor, "global_step20")
    trainer = build("rl", name, {"python": "/no/python"}, step_format=step_format)
    with pytest.raises(MissingEngineError):
        trainer.train(job, lambda *_: None)
    assert actor.exists() == kept


def test_nothing_to_clear(workspace: Workspace) -> None:
    workspace.clear_broken(critic=True)
    assert not workspace.checkpoints.exists()


def test_updates_done_by_the_last_checkpoint(workspace: Workspace) -> None:
    assert workspace.done() == 0
    workspace.checkpoints.mkdir()
    (workspace.checkpoints / "latest").write_text("global_step12")
    assert workspace.done() == 12


@pytest.mark.parametrize("name", ["a,b", "a@b"])
def test_a_path_that_openrlhf_would_take_apart(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainingError, match="treats ',' and '@'"):
        Workspace(tmp_path / name)
