"""Questions without a reference answer, from Python and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from astro.cli import main
from astro.runs.answering import answers, question_config

ANSWERS = ["1/2", "0.5", "0.50", "3"]
SCRIPT = "policy.params.answers=" + json.dumps([f"the answer is {a}\n" for a in ANSWERS])
"""Three of four answers are equivalent, but no two are the same text."""


def ask(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(
        main, ["solve", *arguments, "--policy", "scripted", "--set", SCRIPT], input=text
    )


def test_equivalent_answers_are_one_class() -> None:
    config = question_config(policy="scripted", samples=30, overrides=[SCRIPT])
    (result,) = answers(config, ["What is half of one?"])
    assert result.best is not None
    assert result.chosen is not None
    assert result.best.answer in ANSWERS[:3]
    assert len(result.chosen.weights) == 2
    assert sum(found.candidate.samples for found in result.found) == 30
    assert 0.4 < result.chosen.confidence.value < 0.9
    assert not result.partial
    assert all(node.verdict is None for node in result.tree.nodes)


def test_without_a_verifier_equal_texts_are_one_class() -> None:
    config = question_config(policy="scripted", samples=30, verifier="none", overrides=[SCRIPT])
    (result,) = answers(config, ["What is half of one?"])
    assert result.chosen is not None
    assert len(result.chosen.weights) == 4
    assert not any(found.read for found in result.found)


def test_text_without_an_answer_has_a_class_of_its_own() -> None:
    """The last line stands for the answer."""
    config = question_config(
        policy="scripted",
        samples=4,
        overrides=['policy.params.lines=["Paris\\n"]', "policy.params.length=1"],
    )
    (result,) = answers(config, ["Where?"])
    assert result.best is not None
    assert not result.best.read


def test_an_answer_is_printed_with_what_it_cost() -> None:
    result = ask("What is half of one?", "--samples", "12")
    assert result.exit_code == 0, result.output
    assert "confidence" in result.stdout
    assert " responses, " in result.stdout
    only = ask("What is half of one?", "--samples", "12", "--answer-only")
    assert only.stdout.strip() in ANSWERS[:3]


def test_json_has_every_candidate_on_request() -> None:
    row = json.loads(ask("q?", "--samples", "8", "--json", "--all").stdout)
    assert row["answer"] in ANSWERS
    assert row["tokens"] > 0
    assert {"response", "answer", "node", "candidate", "read"} <= row["found"][0].keys()
    assert row["confidence"]["low"] <= row["confidence"]["value"] <= row["confidence"]["high"]


def test_many_questions_give_one_line_each(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text("one?\n\ntwo?\nthree?\n")
    result = ask("--questions", str(path), "--samples", "4")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(row["question"] for row in rows) == ["one?", "three?", "two?"]
    assert ask("-", "--samples", "4", "--answer-only", text="from stdin?\n").exit_code == 0


def test_a_spent_budget_has_a_code_of_its_own() -> None:
    result = ask("q?", "--samples", "64", "--budget", "tokens=40", "--json")
    assert json.loads(result.stdout)["ended"] == "budget"
    assert result.exit_code == 4
    nothing = ask("q?", "--samples", "64", "--budget", "tokens=1", "--json")
    assert nothing.exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.yaml", "q?"),
        ("q?", "--answer", "1"),
        ("q?", "--search", "tot_dfs", "--samples", "0"),
        ("q?", "--search", "no_such"),
        ("q?", "--search", "mcts", "--value", "rollout"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...]) -> None:
    result = ask(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
