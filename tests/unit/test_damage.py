"""Damage to a finished run is noticed or harmless, and what the journal holds is made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest
from small_runs import notices, small_config

import astro
from astro.errors import AstroError, RunError
from astro.events import Event, Notice
from astro.files import read_json

RESULTS = ("trees.jsonl", "traces.jsonl", "eval/base.jsonl", "eval/scores.json", "report.md")
KEPT = ("control_traces.jsonl", "decontamination.json", "usage.json", "failures.jsonl")
FILES = (*RESULTS, *KEPT, "config.yaml", "journal.db", "manifest.json")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A config with a problem that fails."""
    policy = {"answers": ["the answer is 1\n"], "fail_on": ["is 1"]}
    folder = tmp_path_factory.mktemp("problems")
    keys = {"control": {"name": "direct"}, "max_failed": 1}
    return small_config(folder, policy={"name": "scripted", "params": policy}, **keys)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]) -> Path:
    """The folder of a finished run."""
    notices(runs := tmp_path_factory.mktemp("finished"), config)
    return runs / "small"


@pytest.fixture
def whole(tmp_path: Path, finished: Path) -> Path:
    """A copy of the folder of a finished run."""
    return Path(shutil.copytree(finished, tmp_path / "runs" / "small"))


def results(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def damage(path: Path, rng: Random) -> None:
    """Flip one bit of a file, or cut off its end."""
    content = bytearray(path.read_bytes())
    place = rng.randrange(len(content))
    if rng.random() < 0.3:
        del content[place:]
    else:
        content[place] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize("trials", [26, pytest.param(200, marks=pytest.mark.slow)])
def test_any_damage_is_noticed_or_harmless(
    tmp_path: Path, config: dict[str, Any], whole: Path, trials: int
) -> None:
    rng, before, noticed = Random(4), results(whole), 0
    for trial in range(trials):
        folder = tmp_path / "trial" / "small"
        shutil.copytree(whole, folder)
        name = FILES[trial % len(FILES)]
        damage(folder / name, rng)
        if name == "journal.db":  # what it holds is read again
            for result in RESULTS:
                (folder / result).unlink()
            (folder / "control_traces.jsonl").unlink()
        try:
            told = notices(folder.parent, config)
        except AstroError as error:
            assert "\n" not in str(error)
            told = [str(error)]
        else:
            assert results(folder) == before, (trial, name)
        noticed += any(name in line or "another config" in line for line in told)
        shutil.rmtree(folder)
    assert noticed > trials / 2


@pytest.mark.parametrize("name", [*RESULTS, "usage.json"])
def test_a_damaged_file_is_set_aside_and_made_again(
    config: dict[str, Any], whole: Path, name: str
) -> None:
    before, path = results(whole), whole / name
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    line, *_ = notices(whole.parent, config)
    assert line.startswith(f"{path} is damaged and set aside; it")
    assert path.with_name(f"{path.name}.damaged").read_bytes() == content[:-9]
    assert results(whole) == before
    assert notices(whole.parent, config) == []


def test_responses_that_are_gone_are_made_again(config: dict[str, Any], whole: Path) -> None:
    before = results(whole)
    (whole / "eval" / "base.jsonl").unlink()
    assert notices(whole.parent, config) == [f"{whole}/eval/base.jsonl is gone; it is made again"]
    assert results(whole) == before


def test_given_trees_that_are_damaged_cannot_be_made_again(
    config: dict[str, Any], whole: Path
) -> None:
    given = {**config, "name": "given"}
    notices(whole.parent, given, trees=whole / "trees.jsonl")
    trees = whole.parent / "given" / "trees.jsonl"
    trees.write_bytes(trees.read_bytes()[:-9])
    with pytest.raises(RunError, match=r"trees\.jsonl is damaged, and no search .* with --trees"):
        notices(whole.parent, given)
    assert not trees.with_name("trees.jsonl.damaged").exists()
    notices(whole.parent, given, trees=whole / "trees.jsonl")
    assert trees.read_bytes() == (whole / "trees.jsonl").read_bytes()


def altered(change: Any) -> Any:
    """A change of the nodes of the first tree of a file."""

    def changed(lines: list[bytes]) -> list[bytes]:
        tree = json.loads(lines[0])
        change(tree["nodes"])
        return [json.dumps(tree).encode(), *lines[1:]]

    return changed


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: [*lines, lines[0]], "two trees are of the problem 'set/0'"),
        (lambda lines: [*lines, b"{}"], "trees.jsonl:3: .* missing required field"),
        (lambda lines: [*lines, b"\xff\xfe"], "trees.jsonl:3: "),
        (altered(lambda nodes: nodes[1].update(parent=-1)), "'set/0': node 1 has the parent -1"),
        (altered(lambda nodes: nodes[1].update(parent=1)), "node 1 has the parent 1, which does"),
        (altered(lambda nodes: nodes[1].update(visit_count=-1)), "node 1 has the visit count -1"),
        (altered(lambda nodes: nodes[0].update(parent=1)), "the root has the parent 1"),
        (altered(lambda nodes: nodes[0].update(children=[99])), "node 0 has the child 99"),
        (altered(lambda nodes: nodes[1].update(id=7)), "node 1 has the id 7"),
        (altered(lambda nodes: nodes.clear()), "it has no root"),
    ],
)
def test_trees_are_checked_before_they_are_taken(
    tmp_path: Path, config: dict[str, Any], whole: Path, change: Any, expected: str
) -> None:
    good = (whole / "trees.jsonl").read_bytes()
    given = tmp_path / "trees.jsonl"
    given.write_bytes(b"\n".join(change(good.splitlines())) + b"\n")
    with pytest.raises(RunError, match=expected) as caught:
        notices(tmp_path / "other", config, trees=given)
    assert "\n" not in str(caught.value)
    given.write_bytes(good)
    notices(tmp_path / "other", config, trees=given)
    (traces,) = {(f / "traces.jsonl").read_bytes() for f in (whole, tmp_path / "other" / "small")}
    assert traces


def test_other_trees_than_those_of_the_run_are_refused(
    tmp_path: Path, config: dict[str, Any], whole: Path
) -> None:
    other = tmp_path / "trees.jsonl"
    other.write_bytes((whole / "trees.jsonl").read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(RunError, match=r"small has other trees than .*; choose another name"):
        notices(whole.parent, config, trees=other)


def test_trees_that_a_run_holds_twice_are_one_clear_error(
    config: dict[str, Any], whole: Path
) -> None:
    for name in ("manifest.json", "traces.jsonl"):
        (whole / name).unlink()
    path = whole / "trees.jsonl"
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(RunError, match=r"trees\.jsonl: two trees are of the problem 'set/0'"):
        notices(whole.parent, config)


def test_a_run_without_a_manifest_is_given_one(config: dict[str, Any], whole: Path) -> None:
    before = results(whole)
    (whole / "manifest.json").unlink()
    assert notices(whole.parent, config) == []
    assert results(whole) == before
    listed = read_json(whole / "manifest.json", dict[str, Any])["files"]
    assert {"trees.jsonl", "traces.jsonl", "eval/scores.json", "report.md"} <= set(listed)


def test_a_damaged_usage_of_an_old_run_stops_nothing(config: dict[str, Any], whole: Path) -> None:
    for name in ("manifest.json", "eval/base.jsonl", "eval/scores.json"):
        (whole / name).unlink()
    (whole / "usage.json").write_text('{"search": {"requests": ')
    (line,) = notices(whole.parent, config)
    assert "usage.json" in line
    assert line.endswith("it is set aside, and the counters begin anew")
    assert (whole / "usage.json.damaged").exists()


@pytest.mark.parametrize("trials", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_damage_to_a_study_is_noticed_or_harmless(tmp_path: Path, trials: int) -> None:
    """Each file of every run, and the results, which are the same or refused with one line."""
    arms = {"astro": {}, "direct": {"search": {"params": {"iterations": 2}}}}
    config = small_config(tmp_path, arms=arms)
    told: list[str] = []

    def again(root: Path) -> None:
        def listen(event: Event) -> None:
            told.extend([event.text] if isinstance(event, Notice) else [])

        astro.load(config).run(runs=root, on_event=listen)

    again(whole := tmp_path / "whole")
    files = sorted(
        p.relative_to(whole)
        for p in whole.rglob("*")
        if p.is_file() and p.stat().st_size and p.name[0] != "."
    )
    assert Path("small/results.json") in files
    names = {"results.json", "control_traces.jsonl", *(Path(name).name for name in RESULTS)}
    before = {path: (whole / path).read_bytes() for path in files if path.name in names}
    rng, noticed = Random(5), 0
    for trial in range(trials):
        root, path = tmp_path / "trial", files[trial * 5 % len(files)]
        shutil.copytree(whole, root)
        damage(root / path, rng)
        told.clear()
        try:
            again(root)
        except AstroError as error:
            assert "\n" not in str(error)
            told.append(str(error))
        else:
            assert {p: (root / p).read_bytes() for p in before} == before, path
        noticed += any(path.name in line or "another config" in line for line in told)
        shutil.rmtree(root)
    assert noticed >= trials / 3
