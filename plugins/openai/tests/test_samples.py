from __future__ import annotations

import json
from typing import Any

import pytest

from astro.types import Completion, FinishReason
from astro_openai.answers import decode
from astro_openai.samples import UnclearStop, completion

STOP, EOS, LENGTH = FinishReason.STOP, FinishReason.EOS, FinishReason.LENGTH


def sample(choice: str, *stop: str) -> Completion:
    answer = decode(f'{{"choices": [{choice}]}}'.encode())
    return completion(answer.choices[0], stop)


@pytest.mark.parametrize(
    ("choice", "stop", "text", "reason"),
    [
        # the server leaves the stop string in the text
        (r'{"text": "a\n", "finish_reason": "stop"}', ["\n"], "a\n", STOP),
        (r'{"text": "a\n", "finish_reason": "stop"}', [".", "\n"], "a\n", STOP),
        # it strips it and tells which it was
        (r'{"text": "a", "finish_reason": "stop", "stop_reason": "."}', [".", "!"], "a.", STOP),
        (r'{"text": "a", "finish_reason": "stop", "matched_stop": "."}', [".", "!"], "a.", STOP),
        # it tells that it was none: null, or the id of a token
        (r'{"text": "a", "finish_reason": "stop", "stop_reason": null}', ["."], "a", EOS),
        (r'{"text": "a", "finish_reason": "stop", "matched_stop": 2}', ["."], "a", EOS),
        # it does not tell: the only one, unless there is nothing before it
        (r'{"text": "a", "finish_reason": "stop"}', ["."], "a.", STOP),
        (r'{"text": "", "finish_reason": "stop"}', ["."], "", EOS),
        (r'{"text": "a", "finish_reason": "stop"}', [], "a", EOS),
        (r'{"text": "a", "finish_reason": "stop"}', [""], "a", EOS),
        # it knows no stop strings
        (r'{"text": "a.b!c", "finish_reason": "length"}', ["!", "."], "a.", STOP),
        # what else ends a sample has cut it
        (r'{"text": "a", "finish_reason": "length"}', ["."], "a", LENGTH),
        (r'{"text": "a", "finish_reason": "content_filter"}', ["."], "a", LENGTH),
        (r'{"text": "a"}', ["."], "a", LENGTH),
        # a chat
        (r'{"message": {"content": "a"}, "finish_reason": "stop"}', [], "a", EOS),
        (r'{"message": {"content": null}, "finish_reason": "stop"}', [], "", EOS),
    ],
)
def test_how_a_sample_ends(choice: str, stop: list[str], text: str, reason: FinishReason) -> None:
    got = sample(choice, *stop)
    assert (got.text, got.finish_reason) == (text, reason)


def test_one_of_several_stop_strings_is_not_guessed() -> None:
    with pytest.raises(UnclearStop):
        sample('{"text": "a", "finish_reason": "stop"}', ".", "!")


PLAIN = r'{"tokens": ["a", "."], "token_logprobs": [-1.0, -2.0]}'
CHAT = r'{"content": [{"token": "a", "logprob": -1.0}, {"token": ".", "logprob": -2.0}]}'


def with_tokens(text: str, logprobs: str, **fields: Any) -> Completion:
    ids = fields.pop("ids", "[7, 8]")
    end = f'"finish_reason": "stop", "stop_reason": ".", "token_ids": {ids}'
    return sample(f'{{"text": "{text}", {end}, "logprobs": {logprobs}}}', ".")


@pytest.mark.parametrize("logprobs", [PLAIN, CHAT])
@pytest.mark.parametrize("text", ["a", "a."])
def test_tokens_and_their_logprobs(text: str, logprobs: str) -> None:
    assert with_tokens(text, logprobs) == Completion("a.", (7, 8), (-1.0, -2.0), STOP)


def test_without_token_ids_there_are_logprobs() -> None:
    assert with_tokens("a", PLAIN, ids="null") == Completion("a.", (), (-1.0, -2.0), STOP)


@pytest.mark.parametrize(
    "logprobs",
    [
        "null",
        "{}",
        r'{"tokens": ["a"], "token_logprobs": []}',
        r'{"tokens": ["a"], "token_logprobs": [null]}',
    ],
)
def test_incomplete_logprobs_are_none(logprobs: str) -> None:
    assert with_tokens("a", logprobs) == Completion("a.", (), (), STOP)


def test_token_ids_that_say_more_than_the_text_are_left_out() -> None:
    ran_over = PLAIN.replace('"."', '".\\n"')
    assert with_tokens("a.", ran_over) == Completion("a.", (), (-1.0, -2.0), STOP)


def test_text_after_a_stop_string_is_cut_with_its_tokens() -> None:
    assert with_tokens("a. b.", PLAIN) == Completion("a.", (), (), STOP)


def test_token_ids_without_a_logprob_each_are_left_out() -> None:
    assert with_tokens("a", PLAIN, ids="[1, 2, 3]").token_ids == ()


def test_a_control_token_ends_a_sample() -> None:
    tokens = '["12", ".", "<|im_start|>", "user", "\\n"]'
    logprobs = f'{{"tokens": {tokens}, "token_logprobs": [-1.0, -2.0, -3.0, -4.0, -5.0]}}'
    for text in ("12.user\\n", "12.<|im_start|>user\\n"):
        rest = f'"token_ids": [5, 6, 1, 7, 8], "logprobs": {logprobs}, "finish_reason": "stop"'
        found = sample(f'{{"text": "{text}", {rest}}}', "\n")
        assert found == Completion("12.", (5, 6, 1), (-1.0, -2.0, -3.0), EOS)


def test_a_control_token_after_a_stop_string_changes_nothing() -> None:
    logprobs = '{"tokens": ["a", "\\n", "</s>"], "token_logprobs": [-1.0, -2.0, -3.0]}'
    choice = f'{{"text": "a\\n", "finish_reason": "stop", "logprobs": {logprobs}}}'
    assert sample(choice, "\n").finish_reason is STOP


def test_a_control_token_at_an_unknown_place_cuts_a_sample() -> None:
    logprobs = '{"tokens": ["bytes:e2", "<pad>", "x"], "token_logprobs": [-1.0, -2.0, -3.0]}'
    choice = f'{{"text": "\u20acx", "finish_reason": "stop", "logprobs": {logprobs}}}'
    assert sample(choice).finish_reason is LENGTH


def test_a_control_token_at_the_end_needs_no_place() -> None:
    """Tokens that are joined by blanks do not tell where they stand."""
    choice = {
        "text": "3 * 8",
        "finish_reason": "stop",
        "stop_reason": None,
        "logprobs": {"tokens": ["3", "*", "8", "<eos>"], "token_logprobs": [-1.0] * 4},
        "token_ids": [5, 6, 7, 2],
    }
    found = sample(json.dumps(choice))
    assert (found.text, found.finish_reason) == ("3 * 8", EOS)
    assert found.token_ids == (5, 6, 7, 2)
