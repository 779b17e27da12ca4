"""What a server may do wrong, and whom it hurts: nobody, one request, or the run."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from apart import told_by

from astro.errors import PolicyError
from astro.requests import Failure, Generate
from astro.types import Prompt
from astro_openai.transport import seconds_to_wait

ASKED = Generate(Prompt("q"), n=2, seed=3)
LARGE = ("endless", "bomb", "bomb in a bomb")
SECRET = "sk-very-secret-0123456789"


@pytest.mark.parametrize(
    "fault", ["429", "500", "503", "408", "cut", "garbage", "no_choices", "none", "few", "many"]
)
def test_a_passing_fault_changes_nothing(fault: str, server: Any, make: Any, replies: Any) -> None:
    policy = make()
    (expected,) = replies(policy, [ASKED])
    server.faults.append(fault)
    assert replies(policy, [ASKED]) == [expected]
    counters = policy.counters()
    assert counters["failures"] == 0
    assert counters["retries"] == 1 if fault != "cut" else counters["retries"] <= 1


def test_retry_after_is_honoured(server: Any, make: Any, replies: Any) -> None:
    server.faults.append("429")
    replies(make(), [ASKED])
    first, second = server.times
    assert second - first >= 0.3


@pytest.mark.parametrize("asked", ["3600", "inf", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_the_longest_wait_is_bounded(
    asked: str, server: Any, make: Any, replies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seconds_to_wait({"retry-after": asked}, 0) == 120.0
    monkeypatch.setattr("astro_openai.transport._LONGEST_WAIT", 0.2)
    server.retry_after = asked
    server.faults.append("429")
    (reply,) = replies(make(), [ASKED])
    assert len(reply) == 2


@pytest.mark.parametrize("odd", ["-1", "nan", "soon", ""])
def test_an_odd_retry_after_is_a_backoff(odd: str) -> None:
    assert 0 < seconds_to_wait({"retry-after": odd}, 0) <= 0.5
    assert 6.0 <= seconds_to_wait({"retry-after": odd}, 10**6) <= 8.0


@pytest.mark.parametrize(
    "usage", [None, "much", {"prompt_tokens": None, "completion_tokens": 5.5}, {"x": 1}]
)
def test_an_odd_usage_makes_no_sample_invalid(
    usage: object, server: Any, make: Any, replies: Any
) -> None:
    server.usage = usage
    policy = make()
    (reply,) = replies(policy, [ASKED])
    assert len(reply) == 2
    assert policy.counters()["retries"] == 0


def test_an_attempt_has_a_bounded_time(server: Any, make: Any, replies: Any) -> None:
    """A server that sends a byte now and then is left after `timeout` seconds an attempt."""
    policy = make(max_retries=1, timeout=0.3)
    server.always = "trickle"
    began = time.monotonic()
    replies(policy, [ASKED])
    assert time.monotonic() - began < 2.0


def test_a_slow_answer_is_asked_for_again(server: Any, make: Any, replies: Any) -> None:
    server.faults.append("slow")
    (reply,) = replies(make(timeout=0.3), [ASKED])
    assert len(reply) == 2


def test_a_server_that_only_keeps_the_line_open_is_left(
    server: Any, make: Any, replies: Any
) -> None:
    server.always = "trickle"
    (reply,) = replies(make(max_retries=0, timeout=0.5), [ASKED])
    assert reply == Failure("no answer within 0.5 s")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("500", "HTTP 500: fault 500"),
        ("400", "HTTP 400: fault 400"),
        ("403", "HTTP 403: fault 403"),
        ("garbage", "not an answer"),
        ("cut", "no answer"),
        ("slow", "no answer within 0.3 s"),
        ("few", "1 of 2 samples came"),
        ("endless", "not an answer: the answer is longer than 2 MiB"),
        ("bomb", "not an answer: the answer is longer than 2 MiB"),
        ("bomb in a bomb", "not an answer: the server compresses"),
    ],
)
def test_a_lasting_fault_fails_its_request_alone(
    fault: str, reason: str, server: Any, make: Any, replies: Any
) -> None:
    policy = make(max_retries=1, timeout=2.0 if fault in LARGE else 0.3)
    server.always = fault
    (reply,) = replies(policy, [ASKED])
    assert isinstance(reply, Failure) and reply.reason.startswith(reason)
    server.always = ""
    assert isinstance(replies(policy, [ASKED])[0], list)
    assert policy.counters()["failures"] == 1


def test_a_refusal_is_not_asked_for_again(server: Any, make: Any, replies: Any) -> None:
    server.always = "400"
    replies(make(), [ASKED])
    assert len(server.bodies) == 1


def test_a_server_that_is_not_there_is_told_at_once(make: Any) -> None:
    began = time.monotonic()
    with pytest.raises(
        PolicyError, match=r"cannot reach http://127.0.0.1:9/v1: .*start the server"
    ):
        make(base_url="http://127.0.0.1:9/v1")
    assert time.monotonic() - began < 5


def test_a_server_that_goes_away_is_lost(server: Any, make: Any, replies: Any) -> None:
    policy = make(max_retries=0)
    server.stop()
    with pytest.raises(PolicyError, match="cannot reach"):
        replies(policy, [ASKED])


@pytest.mark.parametrize(
    ("variable", "hint"), [(None, "name its variable"), ("A_KEY", "set A_KEY")]
)
def test_a_wrong_key_is_told_at_once(
    variable: str | None, hint: str, server: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = "right"
    monkeypatch.setenv("A_KEY", SECRET)
    with pytest.raises(PolicyError, match=hint) as caught:
        make(api_key_env=variable)
    assert SECRET not in str(caught.value)


def test_a_key_that_is_withdrawn_ends_the_run(
    server: Any, make: Any, replies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", SECRET)
    policy = make(api_key_env="A_KEY")
    server.key = "right"
    with pytest.raises(PolicyError, match=r"refused the key in \$A_KEY"):
        replies(policy, [ASKED])


def test_a_key_that_is_not_set_is_missed(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(PolicyError, match="the environment variable A_KEY holds no key"):
        make(api_key_env="A_KEY")


@pytest.mark.parametrize(
    ("fault", "message"), [("404", "correct base_url"), ("quota", "out of money")]
)
def test_what_hurts_every_request_ends_the_run(
    fault: str, message: str, server: Any, make: Any, replies: Any
) -> None:
    policy = make()
    server.always = fault
    with pytest.raises(PolicyError, match=message):
        replies(policy, [ASKED])


@pytest.mark.parametrize("between", ["", "\u200b", "\n", " \u2060\t", "\ufe0f"])
def test_a_key_that_the_server_repeats_is_taken_out(
    between: str, server: Any, make: Any, replies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.between = between
    monkeypatch.setenv("A_KEY", SECRET)
    server.always = "echo_key"
    (reply,) = replies(make(api_key_env="A_KEY"), [ASKED])
    assert reply == Failure("HTTP 400: header Bearer *** [2J")


@pytest.mark.parametrize("between", ["", "\u200b"])
def test_other_secrets_that_the_server_repeats_are_taken_out(
    between: str, server: Any, make: Any, replies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.between, server.always = between, "echo_all"
    monkeypatch.setenv("A_TOKEN", SECRET)
    policy = make(
        headers={"X-Token": "Bearer ${A_TOKEN}"}, extra_body={"user_secret": SECRET[::-1]}
    )
    (reply,) = replies(policy, [ASKED])
    assert server.bodies[-1]["user_secret"] == SECRET[::-1]
    assert reply.reason.startswith("HTTP 400: ***")
    said = reply.reason.replace("\u200b", "")
    assert SECRET not in said and SECRET[::-1] not in said


def test_no_log_record_holds_the_key(
    server: Any,
    make: Any,
    replies: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("A_KEY", SECRET)
    server.key = SECRET
    caplog.set_level(logging.DEBUG)
    server.faults.extend(["500", "garbage", "cut", "echo_key"])
    replies(make(api_key_env="A_KEY"), [ASKED])
    assert caplog.records
    assert SECRET not in caplog.text


ENDLESS = """
import resource, sys
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.requests import Generate
from astro.types import Prompt
params = {"base_url": sys.argv[1], "model": "m", "max_retries": 0}
policy = Registry.discover().build("policy", Binding(name="openai", params=params))
for ticket in range(64):
    policy.add(ticket, Generate(Prompt("q"), n=6, max_tokens=1024, seed=ticket))
replies = []
while len(replies) < 64:
    replies += policy.step()
policy.close()
print({reply.reason for _, reply in replies}, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_endless_answers_take_bounded_memory_together(server: Any) -> None:
    """64 responses at once, each of which may have 13 MiB."""
    server.always = "endless"
    reasons, _, kib = told_by(ENDLESS, server.url).strip().rpartition(" ")
    assert reasons == "{'not an answer: the answer is longer than 13 MiB'}"
    assert int(kib) < 600 * 1024


def test_a_large_answer_waits_for_room(
    make: Any, replies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astro_openai.transport._LARGE", 64)
    monkeypatch.setattr("astro_openai.transport._ROOM", 3 * 2**20)
    found = replies(make(), [ASKED] * 20)
    assert found == [found[0]] * 20 and len(found[0]) == 2
