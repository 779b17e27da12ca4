from __future__ import annotations

from typing import Any

import pytest

from astro.errors import PolicyError
from astro.requests import Generate
from astro.types import Prompt
from astro_openai.bodies import echo_body, sample_bodies
from astro_openai.params import PolicyParams

ASKED = Generate(Prompt("q {prompt}", "r"), n=3, stop=("\n", ""), max_tokens=7, top_p=0.9, seed=5)


def bodies(request: Generate = ASKED, **params: Any) -> list[Any]:
    whole = PolicyParams.model_validate({"base_url": "http://h/v1", "model": "m", **params})
    return sample_bodies(whole, request)


def test_completions() -> None:
    assert bodies(prompt_template="<{prompt}>", extra_body={"top_k": 4}) == [
        {
            "model": "m",
            "prompt": "<q {prompt}>r",
            "n": 3,
            "temperature": 1.0,
            "top_p": 0.9,
            "max_tokens": 7,
            "stop": ["\n"],
            "seed": 5,
            "logprobs": 1,
            "extra_body": {"top_k": 4},
        }
    ]


@pytest.mark.parametrize(
    ("software", "fields"),
    [
        ("vllm", {"repetition_penalty": 1.0, "top_k": 4, "min_p": 0.0}),
        ("sglang", {"repetition_penalty": 1.0, "top_k": 4, "min_p": 0.0}),
        ("llamacpp", {"repeat_penalty": 1.0, "top_k": 4, "min_p": 0.0}),
        ("openai", {"top_k": 4}),
        ("", {"top_k": 4}),
    ],
)
def test_what_a_server_adds_to_the_distribution_is_turned_off(
    software: str, fields: dict[str, float]
) -> None:
    given = {"base_url": "http://h/v1", "model": "m", "extra_body": {"top_k": 4}}
    (body,) = sample_bodies(PolicyParams.model_validate(given), ASKED, software)
    assert body["extra_body"] == fields


def test_what_a_server_does_not_take_is_left_out() -> None:
    request = Generate(Prompt("q"))
    (body,) = bodies(request, seed=False, logprobs=False, max_tokens_key="max_completion_tokens")
    assert not {"seed", "logprobs", "stop", "max_tokens"} & set(body)
    assert body["max_completion_tokens"] == 256


def test_the_extensions_of_vllm_are_asked_for_by_name() -> None:
    (body,) = bodies(include_stop_str_in_output=True, return_token_ids=True)
    assert body["extra_body"] == {"include_stop_str_in_output": True, "return_token_ids": True}


def test_n_samples_one_by_one_have_the_seeds_of_n_at_once() -> None:
    parts = bodies(split_n=True)
    assert [(body["n"], body["seed"]) for body in parts] == [(1, 5), (1, 6), (1, 7)]


def test_a_seed_stays_in_32_bits() -> None:
    parts = bodies(Generate(Prompt("q"), n=2, seed=2**32 - 1), split_n=True)
    assert [body["seed"] for body in parts] == [2**32 - 1, 0]


@pytest.mark.parametrize("split_n", [False, True])
def test_a_greedy_sample_is_asked_for_once(split_n: bool) -> None:
    (body,) = bodies(Generate(Prompt("q"), n=4, temperature=0), split_n=split_n)
    assert body["n"] == 1


def test_a_chat_begins_a_message() -> None:
    (body,) = bodies(Generate(Prompt("q")), api="chat", prompt={"system": "s"})
    assert body["messages"] == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q"},
    ]
    assert body["logprobs"] is True


def test_worked_examples_are_messages_of_a_chat() -> None:
    talk = Prompt("all", turns=("a", "b", "q"))
    (body,) = bodies(Generate(talk), api="chat", prompt={"system": "s"})
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        *(("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "q"))
    ]
    (body,) = bodies(Generate(talk))
    assert body["prompt"] == "all"


def test_a_chat_sends_the_variables_of_its_template() -> None:
    prompt = {"template_kwargs": {"enable_thinking": False}}
    (body,) = bodies(Generate(Prompt("q")), api="chat", prompt=prompt, extra_body={"top_k": 5})
    assert body["extra_body"] == {
        "top_k": 5,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_a_chat_goes_on_with_a_message_only_where_the_server_can() -> None:
    with pytest.raises(PolicyError, match=r"set policy\.params\.api: completions"):
        bodies(api="chat")
    (prefill,) = bodies(api="chat", continuation="prefill")
    assert prefill["messages"][-1] == {"role": "assistant", "content": "r"}
    assert prefill["extra_body"] == {}
    (told,) = bodies(api="chat", continuation="continue_final_message")
    assert told["extra_body"] == {"continue_final_message": True, "add_generation_prompt": False}


def test_an_echo_generates_nothing() -> None:
    body = echo_body(PolicyParams(base_url="http://h/v1", model="m", extra_body={"a": 1}), "text")
    assert body["prompt"] == "text"
    assert (body["max_tokens"], body["echo"], body["extra_body"]) == (0, True, {"a": 1})
