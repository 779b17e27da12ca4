"""What `astro solve` says of its search trees when a signal ends it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from astro.cli import main
from astro.events import Event, StageProgress
from astro.files import read_lines
from astro.interruption import Terminated
from astro.types import SearchTree


@dataclass
class Stop:
    """A listener that raises `error` when that many searches are done."""

    done: int
    error: type[KeyboardInterrupt]

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageProgress) and event.done >= self.done:
            raise self.error


Ask = Callable[..., Result]


@pytest.fixture(params=[(Terminated, 143, "terminated"), (KeyboardInterrupt, 130, "interrupted")])
def ended(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ask:
    """Solve two questions, of which so many are done when a signal arrives; return what is said."""
    error, code, word = request.param
    questions = tmp_path / "questions.txt"
    questions.write_text("one?\ntwo?\n")

    def ask(done: int, *options: str) -> str:
        monkeypatch.setattr("astro.cli.solve.progress", lambda: nullcontext(Stop(done, error)))
        asked = ["solve", "--questions", str(questions), "--policy", "scripted", "--samples", "2"]
        result = CliRunner().invoke(main, [*asked, "--verifier", "exact", *options])
        assert result.exit_code == code, result.output
        assert result.stderr.startswith(f"{word}; ")
        return result.stderr.removeprefix(f"{word}; ")

    return ask


def test_without_a_file_nothing_can_be_resumed(ended: Ask) -> None:
    assert ended(1) == "the search was not finished\n"


def test_nothing_is_saved_before_a_search_is_finished(ended: Ask, tmp_path: Path) -> None:
    path = tmp_path / "trees.jsonl"
    assert ended(1, "--save", str(path)) == "the search was not finished, so nothing was saved\n"
    assert not path.exists()


def test_a_tree_that_was_saved_is_named(ended: Ask, tmp_path: Path) -> None:
    path = tmp_path / "trees.jsonl"
    said = ended(2, "--save", str(path))
    assert said == (
        f"{path} holds the search tree; go on with --from {path} in place of the question\n"
    )
    assert len(list(read_lines(path, SearchTree))) == 1


def test_an_answer_is_shown_whose_tree_cannot_be_saved(tmp_path: Path) -> None:
    """A file stands where the folder of the tree would be."""
    (tmp_path / "file").touch()
    asked = ["solve", "q?", "--policy", "scripted", "--verifier", "exact", "--answer-only"]
    result = CliRunner().invoke(main, [*asked, "--save", str(tmp_path / "file" / "tree.jsonl")])
    assert result.exit_code == 2
    assert result.stdout.startswith("answer ")
    assert "cannot write" in result.stderr


def test_no_search_is_said_to_go_on_that_cannot(tmp_path: Path) -> None:
    path = tmp_path / "trees.jsonl"
    asked = ["solve", "q?", "--policy", "scripted", "--verifier", "exact", "--save", str(path)]
    result = CliRunner().invoke(main, [*asked, "--search", "beam", "--budget", "tokens=20"])
    assert f"{path} holds the search tree" in result.stderr
    assert "--from" not in result.stderr
