"""Runs that the first edition made are opened, resumed and reported.

`tests/fixtures/first_edition` was made by commit 44dc8e3: a finished run of a scripted policy, the
same kind of run killed inside its search (and, in `expected`, what it would have become), a run
that trained all its models, and a study. Weights are left out: nothing here loads a model.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import astro

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "first_edition"


def go_on(name: str, runs: Path) -> str:
    """`astro run` on a fixture's config in a copy of its folder; returns what was printed."""
    shutil.copytree(FIXTURES / name, runs / name)
    return run(name, runs)


def run(name: str, runs: Path, sources: Path = ROOT) -> str:
    """`astro run` on a fixture's config, by the code in `sources`; returns what was printed."""
    done = astro_run(name, runs, sources)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def astro_run(name: str, runs: Path, sources: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "astro", "run", str(FIXTURES / f"{name}.yaml")]
    path = f"{sources}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    return subprocess.run(
        [*command, "--runs", str(runs)],
        capture_output=True,
        text=True,
        check=False,
        cwd=sources,
        env={**os.environ, "PYTHONPATH": path},
    )


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def holds(new: Any, old: Any) -> bool:
    """Whether `new` is `old`, but for keys that mappings of `old` lack.

    The first edition gave an interval without width if all problems scored alike.
    """
    if isinstance(old, dict):
        if "low" in old and old["low"] == old["high"]:
            old = {"value": old["value"]}
            assert new["low"] <= new["value"] <= new["high"]
        return isinstance(new, dict) and all(k in new and holds(new[k], old[k]) for k in old)
    if isinstance(old, list):
        return len(new) == len(old) and all(map(holds, new, old))
    return bool(new == old)


@pytest.mark.parametrize("name", ["scripted", "trained"])
def test_a_finished_run_is_opened_and_reported_anew(name: str, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / name, tmp_path / name)
    (tmp_path / name / "report.md").unlink()
    (tmp_path / name / "eval" / "scores.json").unlink()
    assert "search: done before" in run(name, tmp_path)
    new, old = (folder / name / "eval" / "scores.json" for folder in (tmp_path, FIXTURES))
    assert holds(json.loads(new.read_text()), json.loads(old.read_text()))
    assert "ASTRO" in (tmp_path / name / "report.md").read_text() or name == "scripted"


def test_an_interrupted_search_ends_as_it_would_have(tmp_path: Path) -> None:
    go_on("interrupted", tmp_path)
    for file in ("trees.jsonl", "traces.jsonl", "control_traces.jsonl"):
        assert holds(rows(tmp_path / "interrupted" / file), rows(FIXTURES / "expected" / file))


def test_a_run_begun_anew_makes_the_same_trees_and_traces(tmp_path: Path) -> None:
    run("scripted", tmp_path)
    for file in ("trees.jsonl", "traces.jsonl", "control_traces.jsonl"):
        assert holds(rows(tmp_path / "scripted" / file), rows(FIXTURES / "scripted" / file))


def test_a_run_whose_config_lacks_keys_that_came_later_goes_on(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "interrupted", tmp_path / "interrupted")
    file = tmp_path / "interrupted" / "config.yaml"
    lines = file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(("max_failed:", "decontaminate:"))]
    assert len(kept) == len(lines) - 2
    file.write_text("".join(kept))
    run("interrupted", tmp_path)
    assert holds(
        rows(tmp_path / "interrupted" / "trees.jsonl"), rows(FIXTURES / "expected" / "trees.jsonl")
    )


@pytest.mark.parametrize(
    "file",
    [
        *("config.yaml", "journal.db", "trees.jsonl", "traces.jsonl", "eval/base.jsonl"),
        *("eval/scores.json", "usage.json", "decontamination.json"),
    ],
)
def test_a_file_of_a_newer_release_is_refused_in_one_line(file: str, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "scripted", tmp_path / "scripted")
    path = tmp_path / "scripted" / file
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as journal:
            journal.execute("pragma user_version = 3")
    elif path.suffix == ".yaml":
        path.write_text(f"format: 3\n{path.read_text()}")
    else:
        path.write_text(path.read_text().replace("{", '{"format":3,', 1))
    before = {p: p.read_bytes() for p in (tmp_path / "scripted").rglob("*") if p.is_file()}
    done = astro_run("scripted", tmp_path)
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors == done.stderr.splitlines()
    assert len(errors) == 1
    assert f"{file} was written by a newer ASTRO (format 3; this one reads up to 2)" in errors[0]
    assert "upgrade with pip install -U astro-reasoner" in errors[0]
    assert all(p.read_bytes() == content for p, content in before.items())


def test_files_of_today_carry_their_format_and_are_else_as_before(tmp_path: Path) -> None:
    run("scripted", tmp_path)
    new, old = tmp_path / "scripted", FIXTURES / "scripted"
    for file in ("trees.jsonl", "traces.jsonl", "control_traces.jsonl", "eval/base.jsonl"):
        lines = (new / file).read_text().splitlines()
        assert all(line.startswith('{"format":2,') for line in lines), file
    for file in ("eval/scores.json", "usage.json", "decontamination.json"):
        assert (new / file).read_text().startswith('{\n  "format": 2,\n'), file
    assert (new / "config.yaml").read_text().startswith("format: 2\n")
    trees = (new / "trees.jsonl").read_text().replace('{"format":2,', "{")
    trees, verdicts = re.subn(',"rejected":(?:true|false)', "", trees)  # a key added since
    assert verdicts
    assert trees == (old / "trees.jsonl").read_text()


def test_a_study_is_compared_anew(tmp_path: Path) -> None:
    go_on("study", tmp_path)
    new, old = (folder / "study" / "results.json" for folder in (tmp_path, FIXTURES))
    assert holds(json.loads(new.read_text()), json.loads(old.read_text()))


@pytest.fixture
def later_release(tmp_path: Path) -> Path:
    """A copy of the sources in which `Generate`, `Prompt` and `Problem` have one field more."""
    sources = tmp_path / "sources"
    shutil.copytree(Path(astro.__file__).parent, sources / "astro")
    for name, last in (
        ("requests.py", "    seed: int = 0\n"),
        ("types.py", "    metadata: Mapping[str, Any] = field(default_factory=dict)\n"),
        ("types.py", '    response: str = ""\n    token_ids: tuple[int, ...] = ()\n'),
    ):
        file = sources / "astro" / name
        text = file.read_text()
        assert text.count(last) == 1
        file.write_text(text.replace(last, f'{last}    added: str = "usual"\n'))
    return sources


def test_a_release_that_adds_fields_to_requests_goes_on_with_an_old_run(
    later_release: Path, tmp_path: Path
) -> None:
    shutil.copytree(FIXTURES / "interrupted", tmp_path / "interrupted")
    run("interrupted", tmp_path, later_release)
    assert holds(
        rows(tmp_path / "interrupted" / "trees.jsonl"), rows(FIXTURES / "expected" / "trees.jsonl")
    )


def test_a_release_that_adds_fields_to_requests_goes_on_with_a_run_of_today(
    later_release: Path, tmp_path: Path
) -> None:
    run("scripted", tmp_path)
    (tmp_path / "scripted" / "trees.jsonl").unlink()
    with closing(sqlite3.connect(tmp_path / "scripted" / "journal.db")) as journal:
        journal.execute("delete from outcomes")
        journal.commit()
        replies = journal.execute("select count(*) from replies").fetchone()
        run("scripted", tmp_path, later_release)
        assert journal.execute("select count(*) from replies").fetchone() == replies
    assert holds(
        rows(tmp_path / "scripted" / "trees.jsonl"), rows(FIXTURES / "scripted" / "trees.jsonl")
    )
