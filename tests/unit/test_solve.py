"""One problem, by its id, its prompt, or as it was typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import astro
from astro.config.run import RunConfig
from astro.errors import ProblemError, RunError
from astro.runs.solve import find_problem


def config(problems: dict[str, Any], policy: dict[str, Any]) -> RunConfig:
    return RunConfig.model_validate(
        {
            "name": "one",
            "problems": problems,
            "step_format": {"name": "countdown"},
            "policy": policy,
            "verifier": {"name": "countdown"},
            "search": {"name": "mcts", "params": {"expand": 24, "iterations": 32}},
            "value": {"name": "rollout", "params": {"rollouts": 2, "max_tokens": 64}},
            "linearizer": {"name": "backtrack"},
        }
    )


COUNTDOWN = config({"name": "countdown"}, {"name": "countdown_walker"})


def test_a_source_of_files_knows_ids_and_prompts(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"id": "a", "prompt": "2+2?", "answer": "4"}) + "\n")
    files = config({"name": "jsonl", "params": {"test": str(path)}}, {"name": "countdown_walker"})
    assert find_problem(files, "a") == find_problem(files, "2+2?")
    with pytest.raises(ProblemError, match=r"hold no '3\+3\?'"):
        find_problem(files, "3+3?")


def test_a_source_that_reads_is_asked_for_what_it_does_not_hold() -> None:
    problem = find_problem(COUNTDOWN, "use 8 5 3 to make 19")
    assert (problem.id, problem.answer) == ("countdown-3-5-8-19", "19")
    with pytest.raises(ProblemError, match="expected: use 3 5 8 to make 16"):
        find_problem(COUNTDOWN, "what is love?")


def test_solving_finds_an_answer_that_verifies() -> None:
    solved = astro.solve(COUNTDOWN, "use 3 5 8 to make 19")
    tree = solved.tree
    assert tree.solved
    assert solved.candidates
    (best, *_) = [node for node in tree.terminals() if node.verdict and node.verdict.correct]
    assert best.step.text == "answer 19\n"


def test_any_text_is_a_problem_if_its_answer_is_given() -> None:
    problem = find_problem(COUNTDOWN, "what is love?", answer="42")
    assert problem == astro.Problem("question", "what is love?", "42")
    known = find_problem(COUNTDOWN, "use 3 5 8 to make 19", answer="20")
    assert (known.id, known.answer) == ("countdown-3-5-8-19", "20")
    assert known.metadata["numbers"] == [3, 5, 8]


def test_a_question_with_its_answer_needs_no_files() -> None:
    absent = {"name": "jsonl", "params": {"test": "absent.jsonl"}}
    scripted = {"name": "scripted", "params": {"answers": ["\\boxed{4}\n"]}}
    raw = config(absent, scripted).model_dump() | {
        "step_format": {"name": "lines"},
        "verifier": {"name": "exact"},
    }
    solved = astro.solve(RunConfig.model_validate(raw), "What is 2+2?", answer="4")
    tree = solved.tree
    assert solved.answer == "4"
    assert tree.solved
    assert tree.problem.prompt == "What is 2+2?"


def test_a_problem_that_the_policy_cannot_serve_is_an_error() -> None:
    with pytest.raises(RunError, match=r"riddle: .*not a countdown problem"):
        astro.solve(COUNTDOWN, astro.Problem("riddle", "what is love?", "42"))
