"""`astro solve`: the best answer, and the exit code of its verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from astro.cli import main
from astro.files import read_lines
from astro.runs.answering import Answered
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
    def found(_config: object, asked: str, answer: str | None) -> list[Problem]:
        assert answer is None
        return [Problem("a", asked, "4")]

    def solve(_config: object, problems: list[Problem], **_: object) -> Iterator[Answered]:
        root = Node(0, None, Step(""), 0, children=[1, 2])
        wrong = Node(1, 0, Step("[bold]5[/bold]\x1b[2J\n"), 1, terminal=True, q_value=0.9)
        right = Node(2, 0, Step("so [bold]4\n"), 1, terminal=True, q_value=0.1)
        right.verdict = Verdict(Status.CORRECT, "4")
        yield Answered(problems[0], SearchTree(problems[0], [root, wrong, right]), [], None, 9, 1.0)

    monkeypatch.setattr("astro.cli.solve.answers", solve)
    monkeypatch.setattr("astro.cli.solve.asked_problems", lambda c, w, a, _: found(c, w[0], a))
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
    problem = Problem("a", "2+2?", "4")
    monkeypatch.setattr("astro.cli.solve.asked_problems", lambda *_: [problem])

    def found(*nodes: Node) -> list[Answered]:
        return [Answered(problem, SearchTree(problem, list(nodes)), [], None, 9, 1.0)]

    monkeypatch.setattr("astro.cli.solve.answers", lambda *_, **__: found(root, leaf))
    assert astro("solve", str(config), "2+2?").exit_code == code
    monkeypatch.setattr("astro.cli.solve.answers", lambda *_, **__: found(root))
    assert astro("solve", str(config), "2+2?").exit_code == 1


def test_any_question_with_its_answer(config: Path) -> None:
    for answer, code in (("4", 0), ("5", 1)):
        result = astro("solve", str(config), "What is 2+2?", "--answer", answer)
        assert result.exit_code == code, result.output
    result = astro("solve", str(config), "What is 2+2?")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_options_of_questions_are_not_ignored_with_a_config(config: Path) -> None:
    for option in (("--samples", "3"), ("--answer-only",), ("--budget", "tokens=9")):
        result = astro("solve", str(config), "What is 2+2?", "--answer", "4", *option)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        assert option[0] in result.stderr


def test_the_tree_with_verdicts_can_be_saved(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "tree.jsonl"
    result = astro("solve", str(config), "What is 2+2?", "--answer", "4", "--save", str(path))
    assert result.exit_code == 0, result.output
    (tree,) = read_lines(path, SearchTree)
    assert tree.solved
    again = astro("solve", str(config), "--from", str(path), "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["status"] == "correct"
