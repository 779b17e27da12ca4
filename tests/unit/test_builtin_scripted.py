"""The scripted policy: reproducible whatever is queued, and able to fail as told."""

from __future__ import annotations

import math
from typing import Any

import pytest

from astro.builtin.scripted import EOS_ID, ScriptedParams, ScriptedPolicy
from astro.errors import ConfigError, PolicyError
from astro.plugins.params import validate
from astro.requests import Failure, Generate
from astro.types import Completion, FinishReason, Prompt

PROMPT = Prompt("1 + 1?")
ONE_RESPONSE = {"responses": {"1 + 1?": ["One and one.\nanswer 2\n"]}}


def policy(**params: Any) -> ScriptedPolicy:
    return ScriptedPolicy(validate(ScriptedParams, params))


def answer(scripted: ScriptedPolicy, request: Generate) -> list[Completion]:
    scripted.add(0, request)
    ((_, reply),) = scripted.step()
    assert isinstance(reply, list)
    return reply  # type: ignore[return-value]


def test_answers_with_the_response_of_its_script() -> None:
    (completion,) = answer(policy(**ONE_RESPONSE), Generate(PROMPT))
    assert completion.text == "One and one.\nanswer 2\n"
    assert completion.finish_reason is FinishReason.EOS
    assert completion.token_ids[-1] == EOS_ID
    assert len(completion.token_ids) == len(completion.logprobs) == 8


def test_stops_after_the_stop_string_and_goes_on_from_there() -> None:
    scripted = policy(**ONE_RESPONSE)
    (step,) = answer(scripted, Generate(PROMPT, stop=("\n",)))
    assert (step.text, step.finish_reason) == ("One and one.\n", FinishReason.STOP)
    (rest,) = answer(scripted, Generate(Prompt(PROMPT.user, step.text)))
    assert rest.text == "answer 2\n"
    (end,) = answer(scripted, Generate(Prompt(PROMPT.user, step.text + rest.text)))
    assert (end.text, end.token_ids) == ("", (EOS_ID,))
    (limited,) = answer(scripted, Generate(PROMPT, max_tokens=2))
    assert (limited.text, limited.finish_reason) == ("One and", FinishReason.LENGTH)


def test_draws_lines_from_a_vocabulary() -> None:
    lines = ["left\n", "right\n"]
    completions = answer(policy(lines=lines, length=2), Generate(PROMPT, n=100))
    written = {tuple(completion.text.splitlines(keepends=True)) for completion in completions}
    answers = ("answer 1\n", "answer 2\n")
    assert written == {(a, b, c) for a in lines for b in lines for c in answers}
    assert all(sum(c.logprobs) == pytest.approx(3 * math.log(1 / 2)) for c in completions)


def test_a_repeated_line_is_the_likelier_one() -> None:
    (sample, *_) = answer(policy(length=0, answers=["a\n", "a\n", "a\n"]), Generate(PROMPT))
    assert sum(sample.logprobs) == 0.0
    three_to_one = policy(length=0, answers=["a\n", "a\n", "a\n", "b\n"])
    sums = {c.text: sum(c.logprobs) for c in answer(three_to_one, Generate(PROMPT, n=50))}
    assert sums == {"a\n": pytest.approx(math.log(3 / 4)), "b\n": pytest.approx(math.log(1 / 4))}


def test_sample_i_depends_on_seed_and_i_alone() -> None:
    scripted = policy(lines=["a\n", "b\n", "c\n"], length=5)
    six = answer(scripted, Generate(PROMPT, n=6, seed=9))
    assert answer(scripted, Generate(PROMPT, n=2, seed=9)) == six[:2]
    assert answer(scripted, Generate(PROMPT, n=6, seed=10)) != six
    greedy = [answer(scripted, Generate(PROMPT, n=2, seed=s, temperature=0)) for s in range(5)]
    assert all(first == second == greedy[0][0] for first, second in greedy)


def test_requests_overtake_and_are_answered_all_the_same() -> None:
    params: dict[str, Any] = {"lines": ["a\n", "b\n"], "length": 4}
    slow = policy(**params, steps_to_finish=5)
    requests = {ticket: Generate(PROMPT, n=2, seed=ticket) for ticket in range(30)}
    for ticket, request in requests.items():
        slow.add(ticket, request)
    steps = [slow.step() for _ in range(5)]
    tickets = [ticket for finished in steps for ticket, _ in finished]
    assert sum(1 for finished in steps if finished) > 1
    assert tickets != sorted(tickets)
    alone = policy(**params)
    assert {ticket: reply for finished in steps for ticket, reply in finished} == {
        ticket: answer(alone, request) for ticket, request in requests.items()
    }
    assert slow.step() == []
    assert slow.counters() == alone.counters()


def test_fails_on_one_prompt_and_serves_the_rest() -> None:
    scripted = policy(fail_on=["^bad"])
    for ticket, user in enumerate(("good", "bad", "good, not bad")):
        scripted.add(ticket, Generate(Prompt(user)))
    replies = dict(scripted.step())
    assert [isinstance(replies[ticket], Failure) for ticket in range(3)] == [False, True, False]


def test_crashes_as_told() -> None:
    scripted = policy(crash_on=["fatal"])
    answer(scripted, Generate(PROMPT))
    scripted.add(1, Generate(Prompt("a fatal prompt")))
    with pytest.raises(PolicyError):
        scripted.step()


@pytest.mark.parametrize(
    "params",
    [{"lines": []}, {"lines": ["no line end"]}, {"answers": ["two\nlines\n"]}, {"fail_on": ["("]}],
)
def test_scripts_that_cannot_work_are_config_errors(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(params))):
        policy(**params)
