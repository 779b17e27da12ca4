"""Log-probabilities of given text, from a server that echoes its prompt."""

from __future__ import annotations

from astro_openai.answers import Answer


class Unscored(Exception):
    """The echo does not contain the log-probabilities of a continuation."""


def continuation_logprobs(context: Answer, whole: Answer) -> tuple[float, ...]:
    """Return the log-probabilities of the tokens that the echo `whole` adds to `context`.

    Raises:
        Unscored: The echoes do not begin with the same tokens (the server tokenizes the text), or
            lack log-probabilities.
    """
    before, _ = _echoed(context)
    tokens, logprobs = _echoed(whole)
    if tokens[: len(before)] != before:
        raise Unscored("a continuation does not begin at a token")
    scores = [logprob for logprob in logprobs[len(before) :] if logprob is not None]
    if len(scores) != len(tokens) - len(before):
        raise Unscored("the server leaves out log-probabilities of the text that it echoes")
    return tuple(scores)


def _echoed(answer: Answer) -> tuple[list[str], list[float | None]]:
    logprobs = answer.choices[0].logprobs if answer.choices else None
    tokens, values = (logprobs.tokens, logprobs.token_logprobs) if logprobs else (None, None)
    if not tokens or not values or len(tokens) != len(values):
        raise Unscored("the server does not score text that it is given (echo with logprobs)")
    return tokens, values
