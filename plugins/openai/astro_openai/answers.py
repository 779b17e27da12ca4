"""The parts of a server's response that are used here; unknown fields are ignored."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, json


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
    """The message of a choice of a chat completion."""

    content: str | None = None


class Choice(Struct):
    """One sample.

    `stop_reason` (vLLM) or `matched_stop` (SGLang) is the stop string that ended the sample. It has
    another value at the end of the sequence, and is unset if the server does not report it.
    """

    index: int = 0
    text: str | None = None
    message: Message | None = None
    finish_reason: str | None = None
    stop_reason: str | int | UnsetType | None = UNSET
    matched_stop: str | int | UnsetType | None = UNSET
    logprobs: Logprobs | None = None
    token_ids: list[int] | None = None


class PromptTokens(Struct):
    """Details about prompt tokens: how many came from a cache."""

    cached_tokens: int | None = None


class Usage(Struct):
    """The token counts of one response, over all its choices."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: PromptTokens | None = None


class Answer(Struct):
    """The body of a successful response."""

    choices: list[Choice]
    usage: Usage | None = None  # not every server reports it


def decode(content: bytes) -> Answer:
    """Decode the body of a response.

    Raises:
        msgspec.MsgspecError: The body has another form.
    """
    return json.decode(content, type=Answer)
