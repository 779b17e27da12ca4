"""What a server answers, as far as it is read here. Unknown fields are passed over."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, json


class Token(Struct):
    """A sampled token of a chat."""

    token: str
    logprob: float


class Logprobs(Struct):
    """`tokens` and `token_logprobs` of /v1/completions, or `content` of /v1/chat/completions."""

    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    content: list[Token] | None = None


class Message(Struct):
    """The text of a chat's choice."""

    content: str | None = None


class Choice(Struct):
    """One sample. `stop_reason` (vLLM) or `matched_stop` (SGLang) is the stop string that ended it,
    another value for the end of sequence, unset where a server does not tell."""

    index: int = 0
    text: str | None = None
    message: Message | None = None
    finish_reason: str | None = None
    stop_reason: str | int | UnsetType | None = UNSET
    matched_stop: str | int | UnsetType | None = UNSET
    logprobs: Logprobs | None = None
    token_ids: list[int] | None = None


class PromptTokens(Struct):
    """How the tokens of prompts were come by."""

    cached_tokens: int | None = None


class Usage(Struct):
    """The tokens of one answer, all its choices together."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: PromptTokens | None = None


class Answer(Struct):
    """The body of a successful response."""

    choices: list[Choice]
    usage: Usage | None = None  # not every server counts


def decode(content: bytes) -> Answer:
    """Raises `msgspec.MsgspecError` for anything else than an answer."""
    return json.decode(content, type=Answer)
