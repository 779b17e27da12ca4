from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from astro.errors import TrainingError
from astro.types import Problem
from astro_torch_rl.params import GrpoParams
from astro_torch_rl.problem_selection import filter_by_pass_rate, shuffled
from astro_torch_rl.rollouts import Sampler

RIGHT, WRONG = "answer is 1\n", "answer is 2\n"
SCRIPT = {"always": (RIGHT,), "never": (WRONG,), "rarely": (RIGHT, WRONG, WRONG, WRONG)}
PROBLEMS = [Problem(prompt, prompt, "1") for prompt in SCRIPT]
PARAMS = GrpoParams(filter_samples=64)


def test_only_what_is_sometimes_solved_is_kept(
    scripted_sampler: Callable[..., Sampler], tmp_path: Path
) -> None:
    kept = filter_by_pass_rate(PROBLEMS, scripted_sampler(SCRIPT), PARAMS, tmp_path)
    assert [problem.id for problem in kept] == ["rarely"]
    rates = json.loads((tmp_path / "prompts.json").read_text())["pass_rates"]
    assert (rates["always"], rates["never"]) == (1.0, 0.0)
    broken = scripted_sampler(SCRIPT, fail_on=(".",))
    assert filter_by_pass_rate(PROBLEMS, broken, PARAMS, tmp_path) == kept


def test_at_most_filter_prompts_are_measured(
    scripted_sampler: Callable[..., Sampler], tmp_path: Path
) -> None:
    params = GrpoParams(filter_samples=1, filter_prompts=2, min_pass_rate=0, max_pass_rate=1)
    assert len(filter_by_pass_rate(PROBLEMS, scripted_sampler(SCRIPT), params, tmp_path)) == 2


def test_nothing_left_is_an_error_with_a_way_out(
    scripted_sampler: Callable[..., Sampler], tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"none of 2 problems .*filter_samples=0"):
        filter_by_pass_rate(PROBLEMS[:2], scripted_sampler(SCRIPT), PARAMS, tmp_path)


def test_the_order_of_prompts_follows_from_seed_and_step() -> None:
    problems = [Problem(str(i), "", "") for i in range(20)]
    order = shuffled(problems, seed=1, step=1)
    assert sorted(p.id for p in order) == sorted(p.id for p in problems)
    assert order == shuffled(problems, seed=1, step=1)
    assert order != shuffled(problems, seed=1, step=2)
    assert order != shuffled(problems, seed=2, step=1)
