"""Conversion of a server's choices to completions."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from astro.data.control import first_control
from astro.types import Completion, FinishReason
from astro_openai.answers import Choice, Logprobs


class UnclearStop(Exception):
    """The server does not report which of several stop strings ended a sample."""


def completion(choice: Choice, stop: Sequence[str]) -> Completion:
    """Convert a choice: the text includes the stop string, with one log-probability per token.

    `token_ids` are empty if the last token runs past the stop string, or if the server does not
    report the tokens. A control token, whose text servers leave out, ends a sample; one whose place
    in the text is unknown cuts it, unless it is the last token.

    Raises:
        UnclearStop: It is unclear which of several stop strings ended the sample.
    """
    words = [word for word in stop if word]
    tokens, logprobs = _tokens(choice.logprobs)
    ids = tuple(choice.token_ids or ())
    if control := first_control(_text(choice), tokens):
        index, at = control
        before = _text(choice)[:at]
        if at is None and index < len(tokens) - 1:
            return Completion(before, (), logprobs, FinishReason.LENGTH)
        if at is not None and not any(word in before for word in words):
            known = ids[: index + 1] if len(ids) == len(logprobs) else ()
            return Completion(before, known, logprobs[: index + 1], FinishReason.EOS)
    text, finish_reason = _ended(choice, words)
    if finish_reason is FinishReason.STOP:
        if len(text) < len(_text(choice)):
            return Completion(text, finish_reason=finish_reason)
        if not (tokens and text.endswith(tokens[-1])):
            ids = ()
    fit = not logprobs or len(ids) == len(logprobs)
    return Completion(text, ids if fit else (), logprobs, finish_reason)


def thought_alone(choice: Choice) -> bool:
    """Whether the server put the whole text of a sample into the thoughts of a message."""
    message = choice.message
    return (
        message is not None
        and not message.content
        and bool(message.reasoning_content or message.reasoning)
    )


def _ended(choice: Choice, stop: Sequence[str]) -> tuple[str, FinishReason]:
    """Return the text up to and including the stop string, and the reason why the sample ended.

    A server strips the stop string unless it is told not to. If it does not report which one it
    was, the sample may also have ended with the end of the sequence. In that case a single stop
    string is assumed: a step mistaken for the end would end the search, whereas an end mistaken for
    a step is noticed at the next step. Any other end (a filter, the token limit) cuts the sample.
    """
    text = _text(choice)
    ends = [at + len(word) for word in stop if (at := text.find(word)) >= 0]
    if ends:
        return text[: min(ends)], FinishReason.STOP
    if choice.finish_reason != "stop":
        return text, FinishReason.LENGTH
    told = choice.matched_stop if choice.stop_reason is UNSET else choice.stop_reason
    if told in stop:
        return f"{text}{told}", FinishReason.STOP
    if told is not UNSET or not stop or not text:
        return text, FinishReason.EOS
    if len(stop) > 1:
        raise UnclearStop
    return text + stop[0], FinishReason.STOP


def _text(choice: Choice) -> str:
    content = choice.text if choice.message is None else choice.message.content
    return content or ""


def _tokens(logprobs: Logprobs | None) -> tuple[list[str], tuple[float, ...]]:
    """Return the sampled tokens as text, and their log-probabilities; both empty if incomplete."""
    if logprobs is None:
        return [], ()
    if logprobs.content is not None:
        return [t.token for t in logprobs.content], tuple(t.logprob for t in logprobs.content)
    values = [value for value in logprobs.token_logprobs or () if value is not None]
    tokens = logprobs.tokens or []
    return (tokens, tuple(values)) if len(values) == len(tokens) else ([], ())
