from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from astro.errors import ConfigError
from astro.plugins.params import validate
from astro.requests import Generate
from astro.types import Completion, SearchTree, Status, Verdict
from astro_linearize.backtrack import Backtrack
from astro_linearize.params import BacktrackParams, SelfEvaluationParams
from astro_linearize.self_evaluation import approved


def ask(tree: SearchTree, judgements: dict[int, list[str]]) -> tuple[list[int], list[Generate]]:
    """The ids that are approved, and what was asked."""
    solutions = [tree.nodes[i] for i in judgements]
    program = approved(tree, solutions, SelfEvaluationParams(samples=2))
    asked = next(program)
    try:
        program.send([[Completion(text) for text in texts] for texts in judgements.values()])
    except StopIteration as stop:
        return [node.id for node in stop.value], asked  # type: ignore[return-value]
    raise AssertionError("asked twice")


def test_only_unanimous_approval_keeps_a_solution(tree: SearchTree) -> None:
    assert ask(tree, {5: ["Yes.", "  **yes**, it is"], 9: ["yes", "No, yes would be wrong"]})[
        0
    ] == [5]
    assert ask(tree, {5: ["", "yes"], 9: ["yesterday", "yes"]})[0] == []


def test_the_question_holds_problem_and_solution(tree: SearchTree) -> None:
    (request,) = ask(tree, {5: ["yes", "yes"]})[1]
    assert request.n == 2
    assert tree.problem.prompt in request.prompt.user
    assert "a\nb\n=1" in request.prompt.user


def test_a_problem_is_not_read_as_a_template(tree: SearchTree) -> None:
    problem = replace(tree.problem, prompt="x_{solution}")
    (request,) = ask(replace(tree, problem=problem), {5: ["yes", "yes"]})[1]
    assert "x_{solution}" in request.prompt.user


def test_traces_end_at_approved_solutions(tree: SearchTree, plain: Any) -> None:
    params = BacktrackParams(
        shares={1: 1}, traces_per_tree=4, self_evaluation=SelfEvaluationParams()
    )
    program = Backtrack(params, step_format=plain).linearize(tree.problem, tree, 0)
    solutions = len(next(program))
    judged = [[Completion("yes" if i else "no")] for i in range(solutions)]
    try:
        batch = program.send(judged)
        program.send([Verdict(Status.CORRECT, "1") for _ in batch])
    except StopIteration as stop:
        assert {trace.segments[-1].node for trace in stop.value} == {9}
        assert solutions == 2


def test_a_tree_without_an_approved_solution_gives_no_trace(tree: SearchTree, plain: Any) -> None:
    params = BacktrackParams(self_evaluation=SelfEvaluationParams())
    program = Backtrack(params, step_format=plain).linearize(tree.problem, tree, 0)
    count = len(next(program))
    with pytest.raises(StopIteration) as stop:
        program.send([[Completion("no")]] * count)
    assert stop.value.value == []


@pytest.mark.parametrize("raw", [{"approval": "("}, {"question": "Is {problem} solved?"}])
def test_what_cannot_be_asked_is_refused(raw: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        validate(SelfEvaluationParams, raw)
