"""The parts of a server's response that are used here; unknown fields are ignored."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, MsgspecError, Struct, UnsetType, json


class Token(Struct):
    """A sampled token of a chat completion."""

    token: str
    logprob: float


class Logprobs(Struct):
    """Log-probabilities: `tokens` and `token_logprobs` of completions, `content` of chats."""

    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    content: list[Token] | None = None


class Message(Struct):
    """The message of a choice of a chat completion.

    A server with a reasoning parser puts the model's thoughts, or all of its text, into
    `reasoning_content` or `reasoning`.
    """

    content: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None


class Choice(Struct):
    """One sample.

    `stop_reason` (vLLM) or `matched_stop` (SGLang) is the stop string that ended the sample. It has
    another value at the end of the sequence, and is unset if the server does not report it.
    """

    index: int | None = 0
    text: str | None = None
    message: Message | None = None
    finish_reason: str | None = None
    stop_reason: str | int | UnsetType | None = UNSET
    matched_stop: str | int | UnsetType | None = UNSET
    logprobs: Logprobs | None = None
    token_ids: list[int] | None = None


class Answer(Struct):
    """The body of a successful response."""

    choices: list[Choice]
    usage: Any = None  # token counts, in whatever form: an odd count makes no sample invalid


class _Model(Struct):
    owned_by: str = ""


class _Models(Struct):
    data: list[_Model]


def software(content: bytes) -> str:
    """Return who owns the models of a list of models: for local servers, their software."""
    try:
        models = json.decode(content, type=_Models).data
    except (MsgspecError, UnicodeDecodeError):
        return ""
    return models[0].owned_by.lower() if models else ""


def decode(content: bytes) -> Answer:
    """Decode the body of a response.

    Raises:
        msgspec.MsgspecError: The body has another form.
    """
    return json.decode(content, type=Answer)
