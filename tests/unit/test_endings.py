"""Samples that end where a model would go on to another example, and what their programs see."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from astro.builtin.markdown import MarkdownFormat, MarkdownParams
from astro.config.loading import parse_config
from astro.config.run import Evaluate
from astro.config.yaml import read_config
from astro.engine.endings import ending
from astro.engine.sampling import sample_responses
from astro.plugins.params import validate
from astro.plugins.registry import Registry
from astro.requests import BudgetExhausted, Generate, Program, Verify
from astro.runs.stages.evaluate import measure
from astro.runs.stages.search import tasks_of
from astro.types import Completion, FinishReason, Problem, Prompt, Status, Verdict

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
SHOTS = [{"problem": "1 + 1?", "solution": "$\\boxed{2}$"}]
NEXT = "\n\n---\n\nProblem:"
PROBLEM = Problem("p", "2 + 2?", "4")
RAMBLING = Completion("$\\boxed{4}$" + NEXT, (1, 2, 3), (-1.0, -1.0, -1.0), FinishReason.STOP)
ENDED = Completion("$\\boxed{4}$", (), (-1.0, -1.0, -1.0), FinishReason.EOS, counted=3)


def markdown(**params: Any) -> MarkdownFormat:
    return MarkdownFormat(validate(MarkdownParams, {"few_shots": SHOTS, **params}))


@pytest.mark.parametrize(
    ("params", "beginnings"),
    [
        ({}, (NEXT, "\n\n---\n\nSolve the following math")),
        ({"few_shots": []}, ()),
        ({"shot": "{problem} is {solution}\n\n", "instruction": "{problem}"}, ()),
        ({"shot": "Q {problem} A {solution}\n", "instruction": "{problem}"}, ("\nQ",)),
        ({"shot": "{problem}: {solution};", "instruction": "{problem}"}, (";",)),
        ({"shot": "{solution} answers {problem}\n", "instruction": "{problem}"}, ()),
    ],
)
def test_how_another_example_would_begin(
    params: Mapping[str, Any], beginnings: tuple[str, ...]
) -> None:
    assert markdown(**params).beginnings() == beginnings


def test_a_response_ends_before_another_example() -> None:
    program = ending(sample_responses(PROBLEM, 2, max_tokens=9), [NEXT, "\n\n---"])
    (asked,) = next(program)
    assert isinstance(asked, Generate) and asked.stop == (NEXT, "\n\n---")
    other = Completion("5", (4,), (-1.0,), FinishReason.EOS)
    checks = program.send([[RAMBLING, other]])
    assert [check.response for check in checks if isinstance(check, Verify)] == [ENDED.text, "5"]
    with pytest.raises(StopIteration) as stop:
        program.send([Verdict(Status.CORRECT, "4"), Verdict(Status.INCORRECT, "5")])
    first, second = stop.value.value
    assert (first.text, first.finish_reason, first.tokens) == (ENDED.text, FinishReason.EOS, 3)
    assert second.token_ids == (4,)


def test_other_models_and_what_a_budget_paid_for() -> None:
    def asks() -> Program[object]:
        heard = yield [Generate(Prompt("a"), stop=("\n",)), Generate(Prompt("b"), model="judge")]
        try:
            yield [Generate(Prompt("c")), Generate(Prompt("d"))]
        except BudgetExhausted as spent:
            return heard, spent.replies
        return None

    program = ending(asks(), [NEXT])
    policy, judge = next(program)
    assert isinstance(policy, Generate) and policy.stop == ("\n", NEXT)
    assert judge == Generate(Prompt("b"), model="judge")
    program.send([[RAMBLING], [RAMBLING]])
    with pytest.raises(StopIteration) as stop:
        program.throw(BudgetExhausted([[RAMBLING], None]))
    assert stop.value.value == ([[ENDED], [RAMBLING]], ([ENDED], None))


def test_a_search_shows_examples_and_a_trained_model_none() -> None:
    step_format = {"name": "markdown", "params": {"few_shots": SHOTS}}
    raw = {**read_config(CONFIG), "step_format": step_format, "verifier": {"name": "exact"}}
    config = parse_config({**raw, "rl": None}, Registry.discover())
    (task,) = tasks_of(config, Registry.discover(), markdown(), [PROBLEM], "search")
    (asked,) = next(task.start())
    assert isinstance(asked, Generate)
    assert asked.stop == ("\n## Step", *markdown().beginnings())
    assert asked.prompt.turns[1] == SHOTS[0]["solution"] and len(asked.prompt.turns) == 3
    (plain,) = next(measure(PROBLEM, Evaluate(samples=1)))
    assert isinstance(plain, Generate) and plain.stop == () and plain.prompt.turns == ()
