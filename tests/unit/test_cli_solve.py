"""`astro solve`: the best answer, and the exit code of its verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from astro.cli import main
from astro.types import Node, Problem, SearchTree, Status, Step, Verdict

CONFIG = """
name: small
problems: {name: jsonl, params: {train: train.jsonl}}
policy: {name: scripted, params: {answers: ["The answer is 4\\n"]}}
verifier: {name: exact}
search: {name: mcts}
"""


def astro(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="astro")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)
    return path


def test_solve_shows_the_best_answer(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def solve(_config: object, asked: str, answer: str | None) -> SearchTree:
        assert answer is None
        root = Node(0, None, Step(""), 0, children=[1, 2])
        wrong = Node(1, 0, Step("[bold]5[/bold]\x1b[2J\n"), 1, terminal=True, q_value=0.9)
        right = Node(2, 0, Step("so [bold]4\n"), 1, terminal=True, q_value=0.1)
        right.verdict = Verdict(Status.CORRECT, "4")
        return SearchTree(Problem("a", asked, "4"), [root, wrong, right])

    monkeypatch.setattr("astro.runs.solve.solve", solve)
    monkeypatch.chdir(config.parent)
    result = astro("solve", str(config), "2+2?")
    assert result.exit_code == 0, result.output
    assert "2+2?" in result.stdout
    assert "so [bold]4" in result.stdout
    assert "4: correct" in result.stdout
    assert "3 nodes, 2 terminal, depth 1" in result.stdout
    shown = json.loads(astro("solve", str(config), "2+2?", "--json").stdout)
    assert (shown["answer"], shown["status"], shown["nodes"]) == ("4", "correct", 3)
    assert shown["response"] == "so [bold]4\n"


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict(Status.CORRECT, "4"), 0),
        (Verdict(Status.INCORRECT, "5"), 1),
        (Verdict(Status.TIMEOUT), 3),
        (None, 3),
    ],
)
def test_the_exit_code_of_solve_is_that_of_its_verdict(
    config: Path, monkeypatch: pytest.MonkeyPatch, verdict: Verdict | None, code: int
) -> None:
    root, leaf = Node(0, None, Step(""), 0), Node(1, 0, Step("4\n"), 1, terminal=True)
    leaf.verdict = verdict
    tree = SearchTree(Problem("a", "2+2?", "4"), [root, leaf])
    monkeypatch.setattr("astro.runs.solve.solve", lambda *_, **__: tree)
    assert astro("solve", str(config), "2+2?").exit_code == code
    monkeypatch.setattr("astro.runs.solve.solve", lambda *_, **__: SearchTree(tree.problem, [root]))
    assert astro("solve", str(config), "2+2?").exit_code == 1


def test_any_question_with_its_answer(config: Path) -> None:
    for answer, code in (("4", 0), ("5", 1)):
        result = astro("solve", str(config), "What is 2+2?", "--answer", answer)
        assert result.exit_code == code, result.output
    result = astro("solve", str(config), "What is 2+2?")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
