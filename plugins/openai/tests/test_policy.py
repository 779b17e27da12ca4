from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from astro.errors import PolicyError
from astro.interfaces import HasCounters
from astro.requests import Failure, Generate, LogProb
from astro.types import Completion, FinishReason, Prompt
from astro_openai.params import PolicyParams
from astro_openai.policy import OpenAIPolicy

EXACT = {"include_stop_str_in_output": True, "return_token_ids": True}


def requests(count: int = 6) -> list[Generate]:
    return [Generate(Prompt(f"q{i}"), n=1 + i % 3, seed=i, stop=("\n",)) for i in range(count)]


def texts(replies: list[list[Completion]]) -> list[list[str]]:
    return [[completion.text for completion in reply] for reply in replies]


def test_an_empty_step_is_instant(make: Any) -> None:
    policy = make()
    began = time.monotonic()
    assert all(policy.step() == [] for _ in range(100))
    assert time.monotonic() - began < 0.5


def test_all_ways_of_asking_give_the_same_texts(server: Any, make: Any, replies: Any) -> None:
    """The stop string stripped or left, told or not; completions or chat."""
    expected = texts(replies(make(**EXACT), requests()))
    assert all(text.endswith("\n") for reply in expected for text in reply)
    assert texts(replies(make(), requests())) == expected
    assert texts(replies(make(api="chat"), requests())) == expected
    server.dialect = {"stop_reason"}
    assert texts(replies(make(), requests())) == expected


def test_replies_carry_tokens_and_logprobs(make: Any, replies: Any) -> None:
    ((completion,),) = replies(make(**EXACT), [Generate(Prompt("q"))])
    assert completion.finish_reason is FinishReason.EOS
    assert completion.text.count("\n") == 3
    assert len(completion.token_ids) == len(completion.logprobs) == 8


def test_a_begun_response_goes_on(make: Any, replies: Any) -> None:
    asked = [Generate(Prompt("q", "think\n"), seed=1)]
    expected = texts(replies(make(), asked))
    assert expected[0][0].count("\n") == 2
    for continuation in ("prefill", "continue_final_message"):
        policy = make(api="chat", continuation=continuation)
        assert texts(replies(policy, asked)) == expected
    with pytest.raises(PolicyError, match="begins a new message"):
        replies(make(api="chat"), asked)


def test_samples_are_equal_and_in_order_however_n_is_asked_for(
    make: Any, replies: Any, server: Any
) -> None:
    (at_once,) = replies(make(), [Generate(Prompt("q"), n=5, seed=7)])
    assert len({completion.text for completion in at_once}) > 1
    (greedy,) = replies(make(), [Generate(Prompt("q"), n=3, temperature=0)])
    assert greedy == [greedy[0]] * 3
    (split,) = replies(make(split_n=True), [Generate(Prompt("q"), n=5, seed=7)])
    assert len(split) == 5
    assert sorted(body["seed"] for body in server.bodies[-5:]) == [7, 8, 9, 10, 11]


def test_a_server_that_ignores_n_is_found_out(server: Any, make: Any, replies: Any) -> None:
    server.dialect = {"no_n"}
    (reply,) = replies(make(), [Generate(Prompt("q"), n=3)])
    assert isinstance(reply, Failure) and "split_n: true" in reply.reason
    (reply,) = replies(make(split_n=True), [Generate(Prompt("q"), n=3)])
    assert len(reply) == 3


def test_a_stop_string_that_cannot_be_told_is_a_failure(make: Any, replies: Any) -> None:
    asked = [Generate(Prompt("q"), stop=("\n", "."))]
    (reply,) = replies(make(), asked)
    assert isinstance(reply, Failure) and "which of 2 stop strings" in reply.reason
    (reply,) = replies(make(include_stop_str_in_output=True), asked)
    assert reply[0].text.endswith("\n")


def test_concurrency_is_bounded_and_used(server: Any, make: Any, replies: Any) -> None:
    server.delay = 0.2
    began = time.monotonic()
    replies(make(concurrency=4), requests(16))
    assert server.most_at_once == 4
    assert time.monotonic() - began < 16 * 0.2


def test_a_step_does_not_wait_for_a_slow_server(server: Any, make: Any) -> None:
    server.delay = 4.0
    policy = make()
    policy.add(1, Generate(Prompt("q")))
    began = time.monotonic()
    assert policy.step() == []
    assert time.monotonic() - began < 2.0


def test_closing_gives_up_what_is_under_way(server: Any) -> None:
    server.delay = 30.0
    policy = OpenAIPolicy(PolicyParams(base_url=server.url, model="m"))
    for ticket in range(3):
        policy.add(ticket, Generate(Prompt("q")))
    began = time.monotonic()
    policy.step()
    policy.close()
    assert time.monotonic() - began < 10.0


def test_a_full_context_truncates_a_begun_response_only(make: Any, replies: Any) -> None:
    policy = make()
    long = "think\n" * 100
    root, begun = replies(policy, [Generate(Prompt(long)), Generate(Prompt("q", long), n=2)])
    assert isinstance(root, Failure) and "maximum context length" in root.reason
    assert begun == [Completion("", finish_reason=FinishReason.LENGTH)] * 2
    assert policy.counters()["context_full_samples"] == 2


def test_text_that_is_no_text_is_a_failure(make: Any, replies: Any) -> None:
    (reply,) = replies(make(), [Generate(Prompt("\ud800"))])
    assert isinstance(reply, Failure)


@pytest.mark.parametrize("changes", [{"n": 0}, {"max_tokens": 0}])
def test_a_request_for_nothing_is_a_failure(
    changes: dict[str, int], make: Any, replies: Any
) -> None:
    (reply,) = replies(make(), [Generate(Prompt("q"), **changes)])
    assert isinstance(reply, Failure) and "start at 1" in reply.reason


def test_scores(make: Any, replies: Any) -> None:
    (scores,) = replies(make(), [LogProb(Prompt("q"), ("go on\n", ""))])
    assert scores == [(-2.0, -3.0, -1.0), ()]
    (reply,) = replies(make(api="chat"), [LogProb(Prompt("q"), ("a",))])
    assert isinstance(reply, Failure) and "completions" in reply.reason


def test_missing_logprobs_are_said_once(
    server: Any, make: Any, replies: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.dialect = {"no_logprobs"}
    policy = make()
    for reply in replies(policy, requests()):
        assert all(completion.logprobs == () for completion in reply)
    said = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert ["no log-probabilities" in record.getMessage() for record in said] == [True]


def test_work_and_cost_are_counted(server: Any, make: Any, replies: Any) -> None:
    policy = make(prices={"prompt": 1e6, "generated": 2e6, "cached_prompt": 0})
    assert isinstance(policy, HasCounters)
    (reply,) = replies(policy, [Generate(Prompt("q"), n=2)])
    generated = sum(len(completion.logprobs) for completion in reply)
    assert policy.counters() == {
        "requests": 1,
        "retries": 0,
        "failures": 0,
        "context_full_samples": 0,
        "empty_samples": 0,
        "prompt_tokens": 4,
        "cached_prompt_tokens": 1,
        "generated_tokens": generated,
        "cost": 3 + 2 * generated,
    }
    server.dialect = {"no_usage"}
    replies(policy, [Generate(Prompt("q"))])
    assert policy.counters()["prompt_tokens"] == 4


@pytest.mark.parametrize("owner", ["vllm", "SGLang", "an-organization"])
def test_a_server_that_says_what_it_is_samples_from_the_model_alone(
    owner: str, server: Any, make: Any, replies: Any
) -> None:
    server.owner = owner
    replies(make(), [Generate(Prompt("q"))])
    expected = None if owner == "an-organization" else 1.0
    assert server.bodies[0].get("repetition_penalty") == expected


def test_text_that_is_all_thoughts_is_said_once_and_counted(
    server: Any, make: Any, replies: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.dialect.add("thinks")
    policy = make(api="chat", logprobs=False)
    ((first, _), _) = replies(policy, [Generate(Prompt("q"), n=2), Generate(Prompt("r"))])
    assert first.text == ""
    assert policy.counters()["empty_samples"] == 3
    (record,) = caplog.records
    assert "puts the text of its samples into reasoning_content" in record.getMessage()
