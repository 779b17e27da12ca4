from __future__ import annotations

from collections.abc import Callable

import pytest

from astro.errors import TrainingError
from astro.types import Problem, Status
from astro_torch_rl.rollouts import Sampler, check, collect

Build = Callable[..., Sampler]
RIGHT, WRONG = "answer is 1\n", "answer is 2\n"
SCRIPT = {"always": (RIGHT,), "never": (WRONG,), "even": (RIGHT, WRONG), "also": (RIGHT, WRONG)}
PROBLEMS = [Problem(prompt, prompt, "1") for prompt in SCRIPT]


def test_pass_rate_and_signal(scripted_sampler: Build) -> None:
    groups = scripted_sampler(SCRIPT).sample("x", PROBLEMS, 64).groups
    assert [group.problem.id for group in groups] == list(SCRIPT)
    assert [group.has_signal for group in groups] == [False, False, True, True]
    assert [group.pass_rate for group in groups[:2]] == [1.0, 0.0]
    assert 0.25 < groups[2].pass_rate < 0.75


def test_silent_groups_are_replaced_by_the_next_problems(scripted_sampler: Build) -> None:
    found = collect(scripted_sampler(SCRIPT), "1", PROBLEMS, groups=2, n=64, refills=1)
    assert [group.problem.id for group in found.groups] == list(SCRIPT)
    found = collect(scripted_sampler(SCRIPT), "1", PROBLEMS, groups=2, n=64, refills=0)
    assert [group.problem.id for group in found.groups] == ["always", "never"]


def test_refilling_ends_with_the_problems(scripted_sampler: Build) -> None:
    found = collect(scripted_sampler(SCRIPT), "1", PROBLEMS, groups=4, n=64, refills=9)
    assert len(found.groups) == 4


def test_samples_depend_on_their_name_alone(scripted_sampler: Build) -> None:
    sampler = scripted_sampler(SCRIPT)
    alone = sampler.sample("1", PROBLEMS[2:3], 32).groups[0]
    among = sampler.sample("1", PROBLEMS, 32).groups[2]
    assert alone == among
    assert sampler.sample("2", PROBLEMS, 32).groups[2] != among


def test_a_failed_problem_is_counted_and_skipped(scripted_sampler: Build) -> None:
    sampler = scripted_sampler(SCRIPT, fail_on=("never", "even"))
    found = collect(sampler, "1", PROBLEMS, groups=2, n=64, refills=2)
    assert [group.problem.id for group in found.groups] == ["always", "also"]
    assert len(found.failures) == 2


def test_when_every_problem_fails_the_reason_is_told(scripted_sampler: Build) -> None:
    nothing = scripted_sampler(SCRIPT, fail_on=(".",)).sample("1", PROBLEMS, 2)
    with pytest.raises(TrainingError, match="as its script says"):
        check(nothing)


def test_a_refill_may_fail_as_a_whole(scripted_sampler: Build) -> None:
    found = collect(
        scripted_sampler(SCRIPT, fail_on=("also",)), "1", PROBLEMS, groups=3, n=64, refills=1
    )
    check(found)
    assert (len(found.groups), len(found.failures)) == (3, 1)


def test_no_problems_is_an_error(scripted_sampler: Build) -> None:
    with pytest.raises(TrainingError, match="there are no problems"):
        check(collect(scripted_sampler({}), "1", [], groups=1, n=2, refills=1))


def test_faults_are_no_rewards(scripted_sampler: Build) -> None:
    sampler = scripted_sampler(SCRIPT, faults={WRONG: Status.TIMEOUT})
    rollouts = sampler.sample("1", PROBLEMS[1:3], 64)
    never, even = rollouts.groups
    assert (never.judged, never.pass_rate) == ((), 0.0)
    assert (even.pass_rate, even.has_signal) == (1.0, False)
