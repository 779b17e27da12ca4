"""On Ray as in one process."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from astro.engine.tasks import Task
from astro.errors import ConfigError, PolicyError, RunError
from astro.plugins.binding import Binding
from astro.requests import Generate, Program
from astro.types import Prompt

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("here")]


def test_the_trees_and_the_journal_are_those_of_the_local_executor(runs: Any) -> None:
    local = runs.whole("local")
    assert runs.whole("ray", workers=2, concurrency=7) == local
    assert runs.journal("ray") == runs.journal("local")
    assert {outcome.result.solved for outcome in local.values()} == {True, False}


def test_the_workers_counters_are_added_up(runs: Any) -> None:
    runs.whole("local")
    alone = runs.counters
    runs.whole("ray", workers=2)
    assert runs.counters == alone
    assert alone["generated_tokens"] > 0


def test_a_failed_request_fails_its_problem_alone(runs: Any) -> None:
    runs.policy = runs.policy.with_params(fail_on=[r"question 7\b"])
    outcomes = runs.whole("ray")
    assert outcomes == runs.whole("local")
    assert [key for key, outcome in outcomes.items() if outcome.failure] == ["p7"]


def asks(user: str, times: int = 3) -> Program[list[str]]:
    replies = []
    for _ in range(times):
        ((completion,),) = yield [Generate(Prompt(user))]
        replies.append(completion.text)
    return replies


def test_a_problem_stays_where_it_is_and_the_faster_worker_takes_more(
    runs: Any, whereabouts: dict[str, str]
) -> None:
    runs.policy = Binding(name="whereabouts")
    runs.tasks = [Task(str(i), lambda i=i: asks(f"question {i}")) for i in range(60)]
    outcomes = runs.whole("ray", workers=2, concurrency=2, env=whereabouts).values()
    homes = [set(outcome.result) for outcome in outcomes]
    at_home = Counter(home.pop() for home in homes if len(home) == 1)
    assert sum(at_home.values()) >= 58, "only at the end may an idle worker take a problem over"
    slow, fast = sorted(at_home.values())
    assert fast > 3 * slow > 0


def test_workers_that_do_not_fit_are_refused(runs: Any) -> None:
    with pytest.raises(RunError, match=r"3 workers of 1 CPU do not fit: .* holds 2; set "):
        runs.whole("ray", workers=3)
    with pytest.raises(RunError, match=r"1 workers of 1 CPU, 1 GPU do not fit: .* holds 0"):
        runs.whole("ray", num_gpus=1)


def test_what_a_worker_cannot_build_ends_the_run(runs: Any) -> None:
    runs.policy = Binding(name="scripted", params={"length": -1})
    with pytest.raises(ConfigError, match="length"):
        runs.whole("ray")


def test_a_policy_that_never_answered_is_not_tried_again(runs: Any) -> None:
    runs.policy = runs.policy.with_params(crash_on=["question"])
    with pytest.raises(PolicyError, match="crashed, as its script says"):
        runs.whole("ray")
