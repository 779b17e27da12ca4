"""A run's folder: one run at a time, of one config, and nothing overwritten."""

from __future__ import annotations

import warnings
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import yaml

from astro.config.run import RunConfig
from astro.config.yaml import dump_config
from astro.engine.journal import Journal
from astro.errors import FormatError, RunError
from astro.runs.folder import RunFolder, claimed_group, discard


def config(**changes: object) -> RunConfig:
    names = ("problems", "policy", "verifier", "search", "linearizer")
    raw = {"name": "r", **{name: {"name": "some"} for name in names}, **changes}
    return RunConfig.model_validate(raw)


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    with (
        folder.claimed(config(), fresh=False),
        pytest.raises(RunError, match="another run is at work"),
        RunFolder(tmp_path / "r").claimed(config(), fresh=True),
    ):
        pass
    with folder.claimed(config(), fresh=False):
        pass


def test_a_changed_config_is_named_and_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    with folder.claimed(config(), fresh=False):
        pass
    before = folder.config.read_text()
    other = config(seed=3, search={"name": "some", "params": {"iterations": 9}})
    with (
        pytest.raises(RunError, match=r"changed: search\.params\.iterations, seed"),
        folder.claimed(other, fresh=False),
    ):
        pass
    assert folder.config.read_text() == before


def stored(folder: RunFolder, **changes: object) -> None:
    """Leave a config.yaml in which keys have other values; None takes a key away."""
    raw = yaml.safe_load(dump_config(config()))
    raw.update(changes)
    kept = {key: value for key, value in raw.items() if value is not None}
    folder.root.mkdir()
    folder.config.write_text(yaml.safe_dump(kept))


@pytest.mark.parametrize("format_", [None, 1, 2])
def test_a_stored_config_that_lacks_keys_with_defaults_is_the_same_run(
    tmp_path: Path, format_: int | None
) -> None:
    folder = RunFolder(tmp_path / "r")
    stored(folder, format=format_, evaluate=None, budget=None, seed=None, verifier={"name": "some"})
    before = folder.config.read_text()
    assert "evaluate" not in before
    with folder.claimed(config(), fresh=False):
        assert folder.config.read_text() == before
    with (
        pytest.raises(RunError, match=r"another config \(changed: evaluate\.samples, seed\)"),
        folder.claimed(config(seed=1, evaluate={"samples": 2}), fresh=False),
    ):
        pass


def test_a_stored_config_with_a_key_of_another_name_is_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astro.config.migrate.MOVED", (("random_state", "seed"),))
    folder = RunFolder(tmp_path / "r")
    stored(folder, seed=None, random_state=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with folder.claimed(config(seed=4), fresh=False):
            pass
    with pytest.raises(RunError, match="changed: seed"), folder.claimed(config(), fresh=False):
        pass


def test_a_stored_config_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    stored(folder, format=3, new_key=1)
    with (
        pytest.raises(FormatError, match=r"config\.yaml was written by a newer ASTRO \(format 3;"),
        folder.claimed(config(), fresh=False),
    ):
        pass


@pytest.mark.parametrize("text", ["", "[", "name: r\n", "new_key: 1\n", "- 1\n", "\xff"])
def test_a_stored_config_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    folder = RunFolder(tmp_path / "r")
    folder.root.mkdir()
    folder.config.write_bytes(text.encode("latin-1"))
    with (
        pytest.raises(RunError, match=r"another config \(its config\.yaml: ") as caught,
        folder.claimed(config(), fresh=False),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_what_only_says_how_it_is_carried_out_may_change(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    with folder.claimed(config(), fresh=False):
        pass
    verifier = {"name": "some", "max_faults": 0.9, "workers": 7}
    executor = {"name": "local", "params": {"concurrency": 3}}
    other = config(max_failed=0.5, verifier=verifier, executor=executor)
    with folder.claimed(other, fresh=False):
        assert "max_faults: 0.9" in folder.config.read_text()


def test_fresh_empties_the_folder_of_a_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    with folder.claimed(config(), fresh=False):
        folder.trees.write_text("old")
        folder.checkpoint("sft").mkdir(parents=True)
    with folder.claimed(config(seed=1), fresh=True):
        assert sorted(path.name for path in folder.root.iterdir()) == [".lock", "config.yaml"]
        assert "seed: 1" in folder.config.read_text()


def test_a_folder_that_was_being_emptied_is_emptied_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "r")
    with folder.claimed(config(), fresh=False):
        folder.trees.write_text("old")
        folder.checkpoint("sft").mkdir(parents=True)

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt), folder.claimed(config(seed=1), fresh=True):
        pass
    monkeypatch.undo()
    with folder.claimed(config(seed=1), fresh=False):
        assert sorted(path.name for path in folder.root.iterdir()) == [".lock", "config.yaml"]


def test_a_run_whose_config_is_gone_is_not_taken_over(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    with folder.claimed(config(), fresh=False):
        folder.trees.write_text("whose?")
    folder.config.unlink()
    with (
        pytest.raises(RunError, match=r"holds a run without its config\.yaml"),
        folder.claimed(config(seed=1), fresh=False),
    ):
        pass


def test_fresh_spares_a_folder_that_holds_no_run(tmp_path: Path) -> None:
    root = tmp_path / "r"
    root.mkdir()
    (root / "thesis.tex").write_text("three years of work")
    with (
        pytest.raises(RunError, match="holds no run"),
        RunFolder(root).claimed(config(), fresh=True),
    ):
        pass
    assert (root / "thesis.tex").exists()


def test_what_is_discarded_starts_over_when_its_turn_comes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = RunFolder(tmp_path / name)
        with folder.claimed(config(), fresh=False):
            folder.trees.write_text("old")
    discard([tmp_path / "a", tmp_path / "b"])
    with RunFolder(tmp_path / "b").claimed(config(), fresh=False):
        assert not (tmp_path / "b" / "trees.jsonl").exists()
        assert (tmp_path / "a" / "trees.jsonl").exists()


def test_a_run_that_had_no_reply_gives_way_to_another_config(tmp_path: Path) -> None:
    folder, told = RunFolder(tmp_path / "r"), list[str]()
    with folder.claimed(config(), fresh=False), closing(Journal(folder.journal)) as journal:
        journal.finish("search/a", None, "no such model")
        folder.write_lines(folder.failures, [{"task": "search/a"}])
    with folder.claimed(config(seed=1), fresh=False, tell=told.append):
        assert "seed: 1" in folder.config.read_text()
        assert not folder.failures.exists()
        with closing(Journal(folder.journal)) as journal:
            assert not list(journal.outcomes(""))
            journal.append("search/a", 0, [], [])
    assert told == [f"the run in {folder.root} had no reply yet and gives way to this config"]
    with (
        pytest.raises(RunError, match=r"another config \(changed: seed\)"),
        folder.claimed(config(seed=2), fresh=False),
    ):
        pass


def test_fresh_deletes_only_what_runs_write(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    own = ("trees.jsonl", "eval/base.jsonl", "eval/scores.json", "sft/model/weights", "dpo/model/w")
    foreign = ("notes.txt", "eval/notes.txt", "data/rows.csv", ".git/config")
    with folder.claimed(config(), fresh=False), closing(Journal(folder.journal)):
        for name in (*own, *foreign, ".report.md.tmp", "usage.json.damaged"):
            (folder.root / name).parent.mkdir(parents=True, exist_ok=True)
            (folder.root / name).write_text("text")
    with folder.claimed(config(seed=1), fresh=True, outputs=["dpo"]):
        files = {p.relative_to(folder.root) for p in folder.root.rglob("*") if p.is_file()}
        assert {str(path) for path in files} == {*foreign, ".lock", "config.yaml"}


@pytest.mark.parametrize("fresh", [True, False])
def test_a_folder_of_other_files_is_no_place_for_a_run(tmp_path: Path, fresh: bool) -> None:
    root = tmp_path / "project"
    root.mkdir()
    for name in ("config.yaml", "notes.txt"):
        (root / name).write_text("theirs: 1\n")
    link = tmp_path / "r"
    link.symlink_to(root)
    with (
        pytest.raises(RunError, match=r"holds no run, but other files \(notes\.txt\); choose"),
        RunFolder(link).claimed(config(), fresh=fresh),
    ):
        pass
    assert {p.name: p.read_text() for p in root.glob("[!.]*")} == dict.fromkeys(
        ("config.yaml", "notes.txt"), "theirs: 1\n"
    )


def test_fresh_of_a_study_touches_no_run_at_work(tmp_path: Path) -> None:
    runs = [RunFolder(tmp_path / "study" / "seed-0" / name) for name in "ab"]
    for run in runs:
        with run.claimed(config(), fresh=False):
            run.trees.write_text("work")
    study = partial(claimed_group, tmp_path / "study", ("seed-*/*",), fresh=True)
    with runs[1].locked(), pytest.raises(RunError, match=r"another run is at work in .*/b;"):
        study().__enter__()
    assert not any(run.clearing.exists() for run in runs)
    with study(), pytest.raises(RunError, match=r"another run is at work in .*/study;"):
        study().__enter__()
    assert all(run.clearing.exists() for run in runs)


@pytest.mark.parametrize("name", ["notes.txt", "config.yaml"])
def test_a_study_does_not_take_over_another_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("theirs")
    with (
        pytest.raises(RunError, match="holds other files"),
        claimed_group(tmp_path, ("seed-*/*",), fresh=True),
    ):
        pass
    assert (tmp_path / name).read_text() == "theirs"


def test_a_default_of_a_plugin_that_has_changed_is_noticed(tmp_path: Path) -> None:
    def complete(temperature: float, given: RunConfig) -> RunConfig:
        params = {"temperature": temperature, **given.search.params}
        search = given.search.model_copy(update={"params": params})
        return given.model_copy(update={"search": search})

    folder = RunFolder(tmp_path / "r")
    with folder.claimed(config(), fresh=False, complete=partial(complete, 1.0)):
        (folder.root / "trees.jsonl").touch()
    assert yaml.safe_load(folder.config.read_text())["search"]["params"] == {"temperature": 1.0}
    with (
        pytest.raises(RunError, match=r"changed: search\.params\.temperature"),
        folder.claimed(config(), fresh=False, complete=partial(complete, 0.5)),
    ):
        pass
    given = config(search={"name": "some", "params": {"temperature": 1.0}})
    with folder.claimed(given, fresh=False, complete=partial(complete, 0.5)):
        pass


def test_a_stored_config_without_defaults_of_plugins_is_the_same_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    stored(folder)
    before = folder.config.read_text()

    def complete(given: RunConfig) -> RunConfig:
        search = given.search.model_copy(update={"params": {"temperature": 1.0}})
        return given.model_copy(update={"search": search})

    with folder.claimed(config(), fresh=False, complete=complete):
        pass
    assert folder.config.read_text() == before
