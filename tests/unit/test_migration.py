"""`astro migrate`: runs of an older release get configs that the next one reads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from astro.cli import main
from astro.config.loading import read_stored
from astro.config.migrate import MOVED
from astro.config.run import RunConfig
from astro.runs.folder import RunFolder

FIXTURES = Path(__file__).parents[1] / "fixtures" / "first_edition"


@pytest.fixture(autouse=True)
def seed_was_random_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astro.config.migrate.MOVED", (*MOVED, ("random_state", "seed")))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The first edition's study, its configs with a key that has another name now."""
    shutil.copytree(FIXTURES / "study", tmp_path / "study")
    for config in configs(tmp_path / "study"):
        config.write_text(config.read_text().replace("seed: 0", "random_state: 0"))
    return tmp_path / "study"


def configs(study: Path) -> list[Path]:
    return sorted(study.rglob("config.yaml"))


def migrated(folder: Path) -> Result:
    return CliRunner().invoke(main, ["migrate", str(folder)], prog_name="astro")


def meaning(study: Path) -> list[RunConfig]:
    return [read_stored(config) for config in configs(study)]


def other_files(study: Path) -> dict[Path, bytes]:
    files = (path for path in study.rglob("*") if path.is_file() and path.name != "config.yaml")
    return {path: path.read_bytes() for path in files if path.name != ".lock"}


def test_the_configs_of_a_study_are_rewritten_and_nothing_else(study: Path) -> None:
    before, rest = meaning(study), other_files(study)
    result = migrated(study)
    assert result.exit_code == 0
    arms = [study / "seed-0" / arm for arm in ("astro", "direct")]
    moved = ["sft_tokens", "sft_model", "sft_runs", "random_state"]
    current = ["sft.tokens", "sft.model", "sft.runs", "seed"]
    names = [f"  {old} is now called {new}" for old, new in zip(moved, current, strict=True)]
    assert result.stdout.splitlines() == [
        line for arm in arms for line in (f"{arm}: config.yaml is now of format 2", *names)
    ]
    assert all(config.read_text().startswith("format: 2\n") for config in configs(study))
    assert not any("random_state" in config.read_text() for config in configs(study))
    assert meaning(study) == before
    assert other_files(study) == rest
    again = migrated(study)
    assert again.stdout.splitlines() == [f"{arm}: nothing to do" for arm in arms]


@pytest.mark.parametrize("survivors", [0, 1])
def test_after_a_kill_the_same_command_does_what_is_left(
    study: Path, survivors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, sync, calls = meaning(study), os.fsync, []

    def killed(file: int) -> None:
        calls.append(file)
        if len(calls) > survivors:
            raise KeyboardInterrupt
        sync(file)

    monkeypatch.setattr("os.fsync", killed)
    assert migrated(study).exit_code == 130
    monkeypatch.setattr("os.fsync", sync)
    done = [config.read_text().startswith("format: 2\n") for config in configs(study)]
    assert done == [number < survivors for number in range(2)]
    assert meaning(study) == before
    assert migrated(study).stdout.count("config.yaml is now of format 2") == 2 - survivors
    assert meaning(study) == before


def test_a_run_at_work_is_left_alone(study: Path) -> None:
    with RunFolder(study / "seed-0" / "direct").locked():
        result = migrated(study / "seed-0" / "direct")
    assert result.exit_code == 2
    assert "another run is at work" in result.stderr
    assert "random_state" in configs(study)[1].read_text()


@pytest.mark.parametrize("file", ["config.yaml", "trees.jsonl"])
def test_a_run_of_a_newer_release_is_refused(study: Path, file: str) -> None:
    path = study / "seed-0" / "astro" / file
    start = "format: 3\n" if file == "config.yaml" else '{"format":3,"problem":{}}\n'
    path.write_text(start + path.read_text())
    result = migrated(study)
    assert result.exit_code == 2
    assert f"{file} was written by a newer ASTRO (format 3" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_invalid_config_is_named(study: Path) -> None:
    config = configs(study)[0]
    config.write_text(config.read_text() + "colour: red\n")
    result = migrated(study)
    assert result.exit_code == 2
    assert f"{config}: colour: unknown key" in result.stderr


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    result = migrated(tmp_path)
    assert result.exit_code == 2
    assert "holds no run; give the folder of a run, a study or rounds" in result.stderr
