"""Word problems: reproducible, right, and shared by no two splits."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from astro.builtin.markdown import MarkdownFormat, MarkdownParams
from astro.errors import ConfigError, ProblemError
from astro.plugins.params import validate
from astro.types import Problem
from astro_word_problems.problems import ProblemParams, WordProblems, split_of


def load(split: str, **params: Any) -> list[Problem]:
    return list(WordProblems(validate(ProblemParams, params)).load(split))


def test_a_problem_of_two_steps_reads_as_a_story_with_its_solution() -> None:
    problem = next(p for p in load("train") if p.prompt.startswith("Paula has 6 bags"))
    assert problem.prompt == (
        "Paula has 6 bags with 7 balloons in each of them. "
        "Paula sells all the balloons for 3 dollars each. How many dollars does Paula get?"
    )
    assert (problem.answer, problem.metadata["level"]) == ("126", 2)
    assert problem.metadata["solution"] == (
        "## Step 1: Find how many balloons Paula has at first\n6 * 7 = 42\n\n"
        "## Step 2: Multiply by the price of 3 dollars\n"
        "42 * 3 = 126 dollars. The answer is $\\boxed{126}$."
    )


@pytest.mark.parametrize("steps", range(1, 7))
def test_every_calculation_is_true_and_goes_on_from_the_last_one(steps: int) -> None:
    fixed = {"fewest_steps": steps, "most_steps": steps, "train": 200}
    for problem in load("train", **fixed):
        lines = re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", problem.metadata["solution"])
        assert len(lines) == steps == problem.metadata["level"]
        for left, sign, right, result in lines:
            a, b = int(left), int(right)
            assert {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign] == int(result)
        assert all(before[3] == after[0] for before, after in pairwise(lines))
        assert f"\\boxed{{{problem.answer}}}" in problem.metadata["solution"]
        assert int(problem.answer) == int(lines[-1][3]) > 0


def test_a_solution_has_one_part_for_each_step() -> None:
    markdown = MarkdownFormat(MarkdownParams())
    for problem in load("dev"):
        assert len(markdown.parts(problem.metadata["solution"])) == problem.metadata["level"]


def test_splits_share_no_problem_whatever_the_seed() -> None:
    train = {p.prompt for seed in range(3) for p in load("train", seed=seed)}
    held_out = {p.prompt for seed in range(3) for s in ("dev", "test") for p in load(s, seed=seed)}
    assert not train & held_out
    assert {split_of(text) for text in train} == {"train"}


def test_problems_are_all_different_and_the_same_each_time() -> None:
    problems = load("train")
    assert len({problem.id for problem in problems}) == len(problems) == 1000
    assert problems == load("train") != load("train", seed=1)
    counts = Counter(problem.metadata["level"] for problem in problems)
    assert set(counts) == {1, 2, 3} and min(counts.values()) > 250


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ProblemError, match="no split 'all'"):
        load("all")
    with pytest.raises(ConfigError, match="fewest_steps <= most_steps"):
        load("train", fewest_steps=3, most_steps=2)
