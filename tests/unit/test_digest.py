"""Checksums of requests: stable over processes and releases, and different where requests are."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass, replace
from typing import Any
from zlib import crc32

import pytest

from astro.engine.digest import digest, digest_1
from astro.requests import Generate, LogProb, Request, Verify
from astro.types import Problem, Prompt, State, Step

PROBLEM = Problem("p", "q", "a", {"numbers": [1, 2]})
PROMPT = Prompt("q", "so far\n", (1, 2))
REQUESTS: list[Request] = [
    Generate(PROMPT, n=2, stop=("\n",), seed=5),
    LogProb(Prompt("q"), ("a", "b")),
    Verify(PROBLEM, "answer a"),
]
RULES = [digest, digest_1]


def with_field(value: Any, **changed: Any) -> Any:
    """A value of a type of the same name and fields, and one field more, with a default."""
    kind = type(value)
    added = ("added", str, field(default="usual"))
    grown = make_dataclass(kind.__name__, [added], bases=(kind,), frozen=True)
    return grown(**{name: getattr(value, name) for name in kind.__dataclass_fields__} | changed)


def test_a_digest_is_what_it_was_when_the_format_was_made() -> None:
    assert digest(REQUESTS) == 2082397883


def test_a_digest_of_format_1_is_that_of_the_first_edition() -> None:
    first_edition = (
        "[Generate(prompt=Prompt(user='q', response='so far\\n', token_ids=(1, 2)), n=2, "
        "stop=('\\n',), max_tokens=256, temperature=1.0, top_p=1.0, seed=5), "
        "LogProb(prompt=Prompt(user='q', response='', token_ids=()), continuations=('a', 'b')), "
        "Verify(problem=Problem(id='p', prompt='q', answer='a', metadata={'numbers': [1, 2]}), "
        "response='answer a')]"
    )
    assert digest_1(REQUESTS) == crc32(first_edition.encode())


@pytest.mark.parametrize("rule", RULES)
def test_the_messages_of_a_chat_count_only_where_there_are_some(rule: Any) -> None:
    asked = replace(PROMPT, turns=("a", "b", "q"))
    assert rule([Generate(asked)]) != rule([Generate(PROMPT)])
    assert rule([Generate(replace(asked, turns=()))]) == rule([Generate(PROMPT)])


def test_format_1_knew_all_tokens_of_a_response_or_none() -> None:
    partly = Prompt("q", "so far\nand on\n", (1, 2), "and on\n")
    assert digest_1([Generate(partly)]) == digest_1([Generate(Prompt("q", partly.response))])
    assert digest([Generate(partly)]) != digest([Generate(Prompt("q", partly.response))])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_a_field_that_a_release_adds_counts_only_off_its_default(
    rule: Any, request_: Request
) -> None:
    grown = with_field(request_)
    assert rule([grown]) == rule([request_])
    assert rule([with_field(request_, added="other")]) != rule([request_])


@pytest.mark.parametrize("rule", RULES)
def test_a_field_added_to_what_a_request_holds_counts_likewise(rule: Any) -> None:
    plain = Generate(PROMPT)
    assert rule([replace(plain, prompt=with_field(PROMPT))]) == rule([plain])
    assert rule([replace(plain, prompt=with_field(PROMPT, added="other"))]) != rule([plain])


def test_a_field_added_to_values_in_a_tuple_counts_likewise() -> None:
    @dataclass(frozen=True)
    class Score:
        state: State

    def scored(step: Step) -> int:
        return digest([Score(State(PROBLEM, (step,)))])  # type: ignore[list-item]

    step = Step("s", (1,), -0.5)
    assert scored(step) == scored(with_field(step)) != scored(with_field(step, added="other"))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "other",
    [
        Generate(PROMPT, n=3, stop=("\n",), seed=5),
        Generate(PROMPT, n=2, stop=("\n",), seed=6),
        Generate(PROMPT, n=2, stop=("\n\n",), seed=5),
        Generate(replace(PROMPT, token_ids=(1, 3)), n=2, stop=("\n",), seed=5),
        Generate(replace(PROMPT, token_ids=()), n=2, stop=("\n",), seed=5),
        Generate(replace(PROMPT, user="r"), n=2, stop=("\n",), seed=5),
    ],
)
def test_other_requests_have_another_digest(rule: Any, other: Request) -> None:
    assert rule([other]) != rule(REQUESTS[:1])
    assert rule([other, *REQUESTS]) != rule([*REQUESTS, other])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("metadata", [{"n": 2**70}, {"text": "\ud800"}, {"kind": complex(1)}])
def test_what_no_encoding_takes_has_a_digest_too(rule: Any, metadata: dict[str, Any]) -> None:
    odd = Verify(replace(PROBLEM, metadata=metadata), "r")
    assert rule([odd]) == rule([odd]) != rule([replace(odd, response="s")])
