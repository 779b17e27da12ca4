"""Failed problems are tried again, and finished runs evaluated again; edited sets are noticed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from small_runs import notices, small_config, write_problems

from astro.builtin.scripted import ScriptedPolicy
from astro.engine.journal import Journal
from astro.errors import PolicyError, RunError

IDS = ("set/0", "set/1", "set/2")


def problems(answer: str = "1") -> list[dict[str, str]]:
    return [{"id": name, "prompt": f"what is {name}?", "answer": answer} for name in IDS]


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    return small_config(tmp_path, problems(), max_failed=1)


def run(folder: Path, config: dict[str, Any], **options: Any) -> list[str]:
    """Run a config in a folder; returns the notices."""
    told = notices(folder, config, **options)
    return [line for line in told if not line.startswith("decontamination")]


def ids(path: Path) -> list[str]:
    return [json.loads(line)["problem"]["id"] for line in path.read_text().splitlines()]


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scripted policy fails for one problem, until the outage is over."""
    down, original = {"set/1"}, ScriptedPolicy._next_line

    def next_line(self: Any, user: str, *where: Any) -> Any:
        if any(name in user for name in down):
            raise PolicyError("503")
        return original(self, user, *where)

    monkeypatch.setattr(ScriptedPolicy, "_next_line", next_line)
    return down


def test_failed_problems_are_tried_again(
    tmp_path: Path, config: dict[str, Any], outage: set[str]
) -> None:
    run(tmp_path, config)
    folder = tmp_path / "small"
    assert ids(folder / "trees.jsonl") == ids(folder / "eval" / "base.jsonl") == [*IDS[::2]]
    outage.clear()
    assert run(tmp_path, config) == []
    assert ids(folder / "trees.jsonl") == [*IDS[::2]]
    assert run(tmp_path, config, retry_failed=True) == [
        "search: 1 failed problems are tried again",
        "evaluate: 1 failed problems are tried again",
    ]
    run(tmp_path / "whole", config)
    for name in ("trees.jsonl", "traces.jsonl", "eval/base.jsonl", "eval/scores.json", "report.md"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / "small" / name).read_bytes()
    assert (folder / "failures.jsonl").read_text() == ""
    assert run(tmp_path, config, retry_failed=True) == []


def test_traces_on_which_a_training_has_begun_stay(
    tmp_path: Path, config: dict[str, Any], outage: set[str]
) -> None:
    config["policy"] = {"name": "transformers", "params": {"model": "tiny-countdown"}}
    config["sft"] = {"name": "transformers"}
    folder = tmp_path / "small"
    run(tmp_path, {**config, "policy": config["policy"]}, stages=[])
    (folder / "sft").mkdir()
    (folder / "trees.jsonl").write_text("")
    journal = Journal(folder / "journal.db")
    journal.finish("search/set/1", None, "503")
    journal.close()
    outage.clear()
    assert run(tmp_path, config, stages=[], retry_failed=True) == [
        "search: 1 failed problems stay: the training of sft has begun without them"
    ]
    assert (folder / "trees.jsonl").exists()


def test_a_finished_run_is_evaluated_again(tmp_path: Path, config: dict[str, Any]) -> None:
    run(tmp_path, config)
    folder, files = tmp_path / "small", ("base.jsonl", "scores.json")
    before = [(folder / "eval" / name).read_bytes() for name in files]
    report = (folder / "report.md").read_bytes()
    more = {**config, "evaluate": {**config["evaluate"], "samples": 5}}
    with pytest.raises(RunError, match=r"changed: evaluate\.samples\); --from evaluate evaluates"):
        run(tmp_path, more)
    (line,) = run(tmp_path, more, again=True)
    assert line == f"the earlier evaluation is kept in {folder}/eval-1"
    assert [(folder / "eval-1" / name).read_bytes() for name in files] == before
    assert (folder / "eval-1" / "report.md").read_bytes() == report
    assert "samples: 2" in (folder / "eval-1" / "config.yaml").read_text()
    assert "samples: 5" in (folder / "config.yaml").read_text()
    rows = (folder / "eval" / "base.jsonl").read_text().splitlines()
    assert [len(json.loads(row)["samples"]) for row in rows] == [5, 5, 5]
    assert "pass@5" in (folder / "report.md").read_text()
    assert run(tmp_path, more) == []
    other = {**more, "verifier": {"name": "exact", "params": {}, "timeout": 2.0}}
    assert run(tmp_path, other, again=True) == [
        f"the earlier evaluation is kept in {folder}/eval-2"
    ]
    fresh = {**config, "seed": 1}
    run(tmp_path, fresh, fresh=True)
    assert not list(folder.glob("eval-*"))


def test_an_evaluation_that_was_interrupted_goes_on(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, config)
    more = {**config, "evaluate": {**config["evaluate"], "samples": 3}}
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, more, again=True)
    assert "samples: 2" in (tmp_path / "small" / "config.yaml").read_text()
    assert len(run(tmp_path, more, again=True)) == 1
    assert "samples: 3" in (tmp_path / "small" / "config.yaml").read_text()
    (tmp_path / "small" / "eval" / "scores.json").unlink()
    (line,) = run(tmp_path, more, again=True)
    assert line.endswith("eval/scores.json is gone; it is made again")


def killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_only_the_evaluation_may_change(tmp_path: Path, config: dict[str, Any]) -> None:
    run(tmp_path, config, until="search")
    more = {**config, "evaluate": {**config["evaluate"], "samples": 5}}
    with pytest.raises(RunError, match="stage linearize is not finished; run it first"):
        run(tmp_path, more, again=True)
    assert "samples: 2" in (tmp_path / "small" / "config.yaml").read_text()
    with pytest.raises(RunError, match=r"changed: evaluate\.split, seed\); choose another name"):
        run(tmp_path, {**config, "seed": 3, "evaluate": {"split": "dev"}}, again=True)


@pytest.mark.parametrize("until", ["search", None])
def test_an_edited_problems_file_is_noticed(
    tmp_path: Path, config: dict[str, Any], until: str | None
) -> None:
    run(tmp_path, config, until=until)
    path = Path(config["problems"]["params"]["test"])
    write_problems(path.parent, problems("2"))
    with pytest.raises(
        RunError,
        match=r"the problems of (train|test) of jsonl have changed since .*/small was begun; res",
    ):
        run(tmp_path, config)
    write_problems(path.parent, problems())
    os.utime(path)
    assert run(tmp_path, config) == []
    if until is None:
        path.unlink()
        assert run(tmp_path, config) == []
