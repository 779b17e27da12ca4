"""A search under way is its recorded replies played again, up to the last of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from small_runs import small_config

from astro.config.loading import parse_config
from astro.engine.journal import Journal, JournalReader
from astro.engine.replay import so_far
from astro.engine.tasks import Task
from astro.errors import FormatError, JournalError, RunError
from astro.plugins.registry import Registry
from astro.requests import BudgetExhausted, Generate, Program
from astro.runs import watching as watching_module
from astro.runs.folder import RunFolder
from astro.runs.runner import run
from astro.runs.watching import SearchWatch
from astro.types import Completion, Prompt, SearchTree

SEARCH = {
    "mcts": {"expand": 2, "iterations": 6},
    "best_of_n": {"samples": 3},
    "beam": {"width": 2, "expand": 2},
}


POLICY: dict[str, Any] = {
    "name": "scripted",
    "params": {"lines": [f"try {i}\n" for i in range(6)], "answers": ["is 1\n", "is 2\n"]},
}


def searched(folder: Path, **keys: Any) -> RunFolder:
    config = parse_config(small_config(folder, **{"policy": POLICY, **keys}), Registry.discover())
    run(config, runs=folder, stages=["search"])
    return RunFolder(folder / "small")


def watching(folder: RunFolder) -> SearchWatch:
    watch = SearchWatch(folder, Registry.discover())
    watch.update()
    return watch


def cut(folder: RunFolder, task: str, batches: int) -> None:
    """Leave the first batches of a task in a journal, as if it were under way."""
    with closing(sqlite3.connect(folder.journal)) as db, db:
        db.execute("delete from replies where task = ? and number >= ?", (task, batches))
        db.execute("delete from outcomes where task = ?", (task,))


@pytest.mark.parametrize("name", SEARCH)
def test_a_tree_grows_with_the_replies_into_the_one_that_was_found(
    name: str, tmp_path: Path
) -> None:
    folder = searched(tmp_path, search={"name": name, "params": SEARCH[name]})
    watch = watching(folder)
    whole, batches = watch.tree("set/1"), watch.batches["set/1"]
    assert not watch.under_way
    sizes = []
    for answered in range(batches, 0, -1):
        cut(folder, "search/set/1", answered)
        watch = watching(folder)
        assert (watch.under_way, watch.batches["set/1"]) == ({"set/1"}, answered)
        tree = watch.tree("set/1")
        assert tree == watch.tree("set/1")
        texts = [(node.parent, node.step.text) for node in tree.nodes]
        assert texts == [(node.parent, node.step.text) for node in whole.nodes[: len(texts)]]
        assert (tree.ended == "budget") is (answered < batches)
        sizes.append(len(texts))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == len(whole.nodes) > sizes[-1]


def test_a_search_is_followed_batch_by_batch(tmp_path: Path) -> None:
    folder = searched(tmp_path)
    whole = watching(folder).tree("set/0")
    with closing(Journal(folder.journal)) as journal:
        rows = journal._db.execute(
            "select * from replies where task = 'search/set/0' order by number"
        ).fetchall()
    cut(folder, "search/set/0", 0)
    watch, sizes = watching(folder), []
    for row in rows:
        with closing(sqlite3.connect(folder.journal)) as db, db:
            db.execute("insert into replies values (?, ?, ?, ?, ?)", row)
        watch.update()
        sizes.append(len(watch.tree("set/0").nodes))
    assert watch.tree("set/0") == whole
    assert sizes[-1] == len(whole.nodes)
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("many", [0, 500])
def test_a_failed_search_leaves_the_tree_that_it_had(
    many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "_MANY", many)
    responses = {"what is 2?": ["try 1\nfail\n"]}
    policy = {"name": "scripted", "params": {**POLICY["params"], "responses": responses}}
    search = {"name": "mcts", "params": {"expand": 2, "iterations": 9}}
    value = {"name": "rollout", "params": {"rollouts": 1, "max_tokens": 4}}
    folder = searched(tmp_path, policy=policy, search=search, value=value)
    cut(folder, "search/set/2", 2)
    with closing(Journal(folder.journal)) as journal:
        journal.finish("search/set/2", None, "the policy was lost", 7)
    watch = watching(folder)
    assert (watch.under_way, watch.failed) == (set(), {"set/2": "the policy was lost"})
    assert watch.tokens["set/2"] == 7
    assert sorted(watch.tokens) == ["set/0", "set/1", "set/2"]
    assert [node.step.text for node in watch.tree("set/2").nodes] == ["", "try 1\n"]
    with pytest.raises(RunError, match="hold no 'set/9'"):
        watch.tree("set/9")


def test_a_run_that_started_over_is_watched_from_its_beginning(tmp_path: Path) -> None:
    folder = searched(tmp_path)
    watch = watching(folder)
    before = watch.tree("set/1")
    config = parse_config(small_config(tmp_path, seed=7, policy=POLICY), Registry.discover())
    run(config, runs=tmp_path, stages=["search"], fresh=True)
    watch.update()
    assert watch.tree("set/1") != before
    assert len(watch.batches) == 3


def test_a_run_that_is_about_to_begin_has_no_tree_yet(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.config.touch()
    folder.journal.touch()
    watch = watching(folder)
    assert not watch.batches
    with closing(Journal(folder.journal)):
        watch.update()
    assert not watch.batches


def test_replies_that_were_forgotten_and_asked_again_are_followed(tmp_path: Path) -> None:
    folder = searched(tmp_path)
    cut(folder, "search/set/1", 5)
    watch = watching(folder)
    grown = watch.tree("set/1")
    with closing(sqlite3.connect(folder.journal)) as db, db:
        db.execute("delete from replies where task = 'search/set/1' and number >= 2")
        db.execute("delete from replies where task = 'search/set/2'")
        db.execute("delete from outcomes where task = 'search/set/2'")
    watch.update()
    assert watch.batches == watching(folder).batches
    assert len(watch.tree("set/1").nodes) < len(grown.nodes)
    assert watch.tree("set/1") == watching(folder).tree("set/1")


def test_replies_to_other_requests_are_refused(tmp_path: Path) -> None:
    folder = searched(tmp_path)
    cut(folder, "search/set/1", 3)
    with closing(sqlite3.connect(folder.journal)) as db, db:
        db.execute("update replies set digest = digest + 1, checksum = null where number = 2")
    with pytest.raises(JournalError, match="made other requests"):
        watching(folder).tree("set/1")


def test_reading_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    folder = searched(tmp_path)
    before = {path: path.read_bytes() for path in folder.root.iterdir()}
    watching(folder).tree("set/0")
    assert {path: path.read_bytes() for path in folder.root.iterdir()} == before
    with closing(JournalReader(folder.journal)) as journal, pytest.raises(sqlite3.Error):
        journal._db.execute("delete from replies")


def test_what_is_no_journal_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=rw#.db"
    with pytest.raises(RunError, match="unable to open"):
        JournalReader(path)
    assert not list(tmp_path.iterdir())
    path.touch()
    with closing(JournalReader(path)) as journal:
        assert journal.is_new
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(JournalError, match="corrupt"):
        JournalReader(path)
    path.unlink()
    with closing(Journal(path)) as journal:
        journal._db.execute("pragma user_version = 99")
    with pytest.raises(FormatError, match="newer ASTRO"):
        JournalReader(path)


def stubborn() -> Program[list[Completion]]:
    while True:
        try:
            yield [Generate(Prompt("q"))]
        except BudgetExhausted:
            continue


def test_a_program_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        recording = journal.recorded("t")
    with pytest.raises(RunError, match="goes on after its budget is spent"):
        so_far(Task("t", stubborn), 0, recording)


def broken() -> Program[SearchTree]:
    yield from ()
    raise ValueError("oh")


def resultless() -> Program[SearchTree]:
    yield [Generate(Prompt("q"))]
    raise AssertionError


@pytest.mark.parametrize(
    ("program", "why"), [(broken, "t: ValueError: oh"), (resultless, "t: it has no result yet")]
)
def test_the_error_of_a_program_names_its_task(
    program: Callable[[], Program[SearchTree]], why: str, tmp_path: Path
) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        recording = journal.recorded("t")
    with pytest.raises(RunError, match=why):
        so_far(Task("t", program), 0, recording)
