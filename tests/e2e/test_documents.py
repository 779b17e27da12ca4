"""The commands that the documents show are carried out as they stand, with less work to do."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from astro.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = re.compile(r"^(astro (?:run|solve|evaluate|config check|rl) .*)$", re.MULTILINE)
COMMANDS = list(
    dict.fromkeys(
        tuple(shlex.split(line, comments=True)[1:])
        for page in PAGES
        for line in SHOWN.findall(page.read_text())
    )
)
SMALL: dict[str, Any] = {
    "trees": 2,
    "problems": {"name": "countdown", "params": {"numbers": 3, "train": 4, "test": 2}},
    "step_format": {"name": "countdown"},
    "policy": {"name": "countdown_walker"},
    "executor": {"name": "local"},
    "verifier": {"name": "countdown"},
    "search": {"name": "mcts", "params": {"expand": 4, "iterations": 16}},
    "value": {"name": "rollout", "params": {"rollouts": 1, "max_tokens": 64}},
    "linearizer": {"name": "backtrack"},
    "control": {"name": "direct"},
    "evaluate": {"samples": 2, "max_tokens": 64},
    "decontaminate": False,
}
"""A chain without a model and without training, in seconds."""


def scripted(words: tuple[str, ...], folder: Path) -> None:
    """Put small configs, under the same names, in the place of those that a command names."""
    (folder / "configs").mkdir()
    for word in words:
        if re.fullmatch(r"configs/[\w.-]+\.yaml", word):
            raw = {"name": yaml.safe_load((ROOT / word).read_text())["name"], **SMALL}
            (folder / word).write_text(yaml.safe_dump(raw))


def astro(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def runs(words: tuple[str, ...]) -> bool:
    """Whether a command runs or searches something that needs no rehearsal and no training."""
    trains = {"--rehearse", "--dry-run"} & set(words) or "rounds" in words[1]
    return words[0] in ("run", "solve", "evaluate") and not trains


@pytest.mark.parametrize("words", [c for c in COMMANDS if runs(c)], ids=" ".join)
def test_commands_of_the_documents_work(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a chain without a model; what evaluates or retries a finished run is given one."""
    monkeypatch.chdir(tmp_path)
    scripted(words, tmp_path)
    if {"--from", "--retry-failed"} & set(words):
        assert astro("run", words[1]).exit_code == 0
    result = astro(*words)
    assert result.exit_code == 0 or (words[0] == "solve" and result.exit_code == 1), result.output
    if words[0] == "solve":
        assert ("confidence" if "--policy" in words else "terminal, depth") in result.stdout
    else:
        named = [w.partition("=")[2] for w in words if w.startswith("name=")]
        (folder,) = (tmp_path / "runs").glob(named[0] if named else "*")
        done = {"evaluate": "eval/scores.json"}.get(words[0], "report.md")
        assert (folder / ("traces.jsonl" if "--until" in words else done)).is_file()
        assert f"files are in runs/{folder.name}/" in result.stdout


SWAPS = [c for c in COMMANDS if c[:2] == ("config", "check") and "--set" in c]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("words", SWAPS, ids=" ".join)
def test_swaps_of_the_documents_can_be_run(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is rehearsed: the parts that it names run, in all stages of its config."""
    monkeypatch.chdir(tmp_path)
    result = astro("run", str(ROOT / words[2]), *words[3:], "--rehearse")
    assert result.exit_code == 0, result.output
    for word in words:
        key, _, name = word.partition(".name=")
        if name and key in ("search", "value", "policy", "rl"):
            assert re.search(rf"^\w+ +{key} +{name}\b", result.stdout, re.MULTILINE), key


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "words", [c for c in COMMANDS if "--rehearse" in c or "rounds" in c[1]], ids=" ".join
)
def test_what_trains_is_rehearsed(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rest = [word for word in words[2:] if word != "--rehearse"]
    result = astro("run", str(ROOT / words[1]), *rest, "--rehearse")
    assert result.exit_code == 0, result.output
    assert "All stages and parts work here" in " ".join(result.stdout.split())


def test_the_swap_examples_are_found() -> None:
    assert len(SWAPS) >= 3
    assert sum(map(runs, COMMANDS)) >= 8
