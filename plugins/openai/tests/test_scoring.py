from __future__ import annotations

import pytest

from astro_openai.answers import Answer, Choice, Logprobs
from astro_openai.scoring import Unscored, continuation_logprobs


def echo(tokens: str, *logprobs: float | None) -> Answer:
    return Answer([Choice(logprobs=Logprobs(tokens.split("|"), list(logprobs)))])


CONTEXT = echo("a|b", None, -1.0)


def test_the_scores_of_what_was_added() -> None:
    assert continuation_logprobs(CONTEXT, echo("a|b|c|d", None, -1.0, -2.0, -3.0)) == (-2.0, -3.0)
    assert continuation_logprobs(CONTEXT, CONTEXT) == ()


def test_a_merged_token_at_the_border_is_not_scored() -> None:
    with pytest.raises(Unscored, match="does not begin at a token"):
        continuation_logprobs(CONTEXT, echo("a|bc|d", None, -1.0, -2.0))


@pytest.mark.parametrize(
    "whole",
    [Answer([]), Answer([Choice(text="abc")]), Answer([Choice(logprobs=Logprobs(["a"], []))])],
)
def test_a_server_that_does_not_score(whole: Answer) -> None:
    with pytest.raises(Unscored, match="echo with logprobs"):
        continuation_logprobs(CONTEXT, whole)


def test_a_missing_score_is_not_made_up() -> None:
    with pytest.raises(Unscored, match="leaves out"):
        continuation_logprobs(CONTEXT, echo("a|b|c", None, -1.0, None))
