"""Drawing: reproducible from one interpreter to the next, disjoint, and clear about its limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from astro.errors import ConfigError, ProblemError
from astro.plugins.params import validate
from astro.types import Problem
from astro_reasoning_gym.generation import Draw, draw, split_of
from astro_reasoning_gym.params import ProblemParams
from astro_reasoning_gym.problems import ReasoningGymProblems

TASKS = {"ransom_note": {}, "leg_counting": {"max_animals": 4}}


def load(split: str, **params: object) -> list[Problem]:
    asked = ProblemParams.model_validate({"tasks": TASKS, **params})
    return list(ReasoningGymProblems(asked).load(split))


def test_equal_params_give_equal_problems_in_turn() -> None:
    problems = load("train", train=7)
    assert problems == load("train", train=7)
    tasks = [problem.metadata["task"] for problem in problems]
    assert tasks == ["ransom_note", "leg_counting"] * 3 + ["ransom_note"]
    assert all(problem.prompt.endswith("between <answer> and </answer>.") for problem in problems)
    for problem in problems:
        assert json.loads(json.dumps(problem.metadata)) == problem.metadata


def drawn(split: str, count: int = 1, task: str = "leg_counting", **settings: Any) -> list[Problem]:
    """In this process, which saves the time of starting another."""
    return draw(Draw(task, settings, split, count, 0, ""))


def test_the_splits_share_no_question() -> None:
    seen: set[str] = set()
    for split in ("train", "dev", "test"):
        problems = drawn(split, 60)
        assert {split_of(problem) for problem in problems} == {split}
        prompts = {problem.prompt for problem in problems}
        assert len(prompts) == 60
        assert not prompts & seen
        seen |= prompts


def test_what_json_has_no_form_for_is_text() -> None:
    entries = [problem.metadata["entry"] for problem in drawn("train", 200, "gsm_symbolic")]
    assert json.loads(json.dumps(entries)) == entries


def test_settings_reach_the_task() -> None:
    (problem,) = drawn("dev", min_animals=9, max_animals=9)
    assert len(problem.metadata["entry"]["animals"]) == 9
    assert problem.metadata["settings"] == {"min_animals": 9, "max_animals": 9}


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        ("composite", {}, "has no task 'composite'"),
        ("leg_counting", {"legs": 3}, "leg_counting rejects {'legs': 3}: .*unexpected keyword"),
        ("leg_counting", {"min_animals": 0}, "leg_counting rejects {'min_animals': 0}: "),
    ],
)
def test_a_task_that_cannot_be_made_is_refused(
    task: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ProblemError, match=message):
        drawn("train", task=task, **settings)


def test_what_the_other_process_refuses_is_one_line_here() -> None:
    with pytest.raises(ProblemError) as refused:
        load("train", tasks={"leg_countin": {}}, train=1)
    assert str(refused.value) == (
        "reasoning-gym has no task 'leg_countin'; did you mean leg_counting?"
    )


def test_asking_for_more_than_there_are_is_said() -> None:
    settings = {"min_value": 2, "max_value": 3, "min_numbers": 2, "max_numbers": 2}
    with pytest.raises(ProblemError, match=r"gcd.* has \d+ different problems in test, not 50"):
        drawn("test", 50, "gcd", **settings)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ProblemError, match="no split 'all'; there are train, dev, test"):
        load("all")


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"tasks": {}}, "tasks: "),
        ({"tasks": {"gcd": {"seed": 3}}}, "tasks: .*gcd: seed cannot be set per task"),
        ({"tasks": {"gcd": {}}, "trian": 3}, "trian: unknown key; did you mean train"),
    ],
)
def test_params_are_checked_without_the_engine(params: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        validate(ProblemParams, params)
