"""Following a program's log to its end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from astro.errors import TrainingError, VerifierError
from astro.files import write_json
from astro_openrlhf.command import Command, follow
from astro_openrlhf.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path / "rl")
    found.folder.mkdir(parents=True)
    return found


def script(text: str) -> Command:
    return Command((sys.executable, "-c", text), {})


def test_every_line_is_handed_over(workspace: Workspace) -> None:
    lines: list[str] = []
    workspace.log.write_text("of an earlier session\n")
    follow(script("print('a\\r50%\\rb'); print('\\xe9', end='')"), workspace, lines.append)
    assert [line for line in lines if line] == ["a", "50%", "b"]


def test_a_failure_is_told_in_the_programs_own_words(workspace: Workspace) -> None:
    with pytest.raises(TrainingError, match="OpenRLHF failed: ZeroDivisionError") as caught:
        follow(script("print('all is well'); 1 / 0"), workspace, lambda _: None)
    assert str(workspace.log) in caught.value.hint


def test_the_alarm_ends_a_program_that_goes_on(workspace: Workspace) -> None:
    def sound(line: str) -> None:
        if line == "ready":
            write_json(workspace.folder / "alarm.json", ("too many faults", "mend it"))

    with pytest.raises(VerifierError, match="too many faults; mend it"):
        follow(script("import time; print('ready'); time.sleep(60)"), workspace, sound)


def test_the_alarm_counts_more_than_what_comes_of_it(workspace: Workspace) -> None:
    write_json(workspace.folder / "alarm.json", ("too many faults", ""))
    with pytest.raises(VerifierError, match="too many faults"):
        follow(script("1 / 0"), workspace, lambda _: None)
