"""Parameters of the policy. Imports no engine."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from astro.plugins.binding import DEFAULT_PROMPT, PromptConfig, Prompting
from astro.plugins.params import OPERATIONAL, ModelParams, Params
from astro.plugins.secrets import SECRET, SECRET_ENTRIES
from astro.rehearsal.rehearsable import Machine

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_SHOWN = "(not shown)"
_SET_BY_REQUESTS = {
    "model", "prompt", "messages", "n", "stop", "seed", "max_tokens", "max_completion_tokens",
    "temperature", "top_p", "stream", "echo", "logprobs", "continue_final_message",
    "add_generation_prompt", "include_stop_str_in_output", "return_token_ids",
}  # fmt: skip


def _hide_unless_variable(value: object) -> object:
    """Keep a key that was entered by mistake out of the error message."""
    return value if isinstance(value, str) and _VARIABLE.fullmatch(value) else _NOT_SHOWN


def _variable(name: str) -> str:
    if name == _NOT_SHOWN:
        raise ValueError("expected the name of an environment variable, never a key itself")
    return name


def _hide_credentials(value: object) -> object:
    bare = isinstance(value, str) and not {"@", "?", "#"} & set(value)
    return value if bare else _NOT_SHOWN


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("expected http(s)://host/v1, without credentials or query")
    return url


def _is_chat(prompt: PromptConfig) -> bool:
    spoken = prompt.system is not None or bool(prompt.stage_systems)
    return prompt.style == "chat" or spoken or bool(prompt.template_kwargs)


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
HeaderValue = Annotated[str, Field(pattern=r"^[!-~]([ -~]*[!-~])?$")]
Price = Annotated[float, Field(ge=0)]


class Prices(Params):
    """Prices per million tokens, in any currency."""

    prompt: Annotated[Price, Field(description="price of a million prompt tokens")]
    generated: Annotated[Price, Field(description="price of a million generated tokens")]
    cached_prompt: Annotated[
        Price | None,
        Field(description="price of a million cached prompt tokens; default: that of the others"),
    ] = None


class PolicyParams(ModelParams):
    """Parameters of policy `openai`; `remote` is true since the server already has its model."""

    remote: ClassVar[bool] = True
    base_url: Annotated[
        str,
        AfterValidator(_url),
        BeforeValidator(_hide_credentials),
        OPERATIONAL,
        Field(description="URL of the server, up to and including /v1"),
    ]
    model: Annotated[str, Field(description="name of the model on the server")]
    api_key_env: Annotated[
        Annotated[str, AfterValidator(_variable), BeforeValidator(_hide_unless_variable)] | None,
        OPERATIONAL,
        Field(description="environment variable with the API key; without it, no key is sent"),
    ] = None

    api: Annotated[
        Literal["completions", "chat"],
        Field(description="use /v1/completions or /v1/chat/completions"),
    ] = "completions"
    prompt_template: Annotated[
        str, Field(description="completions: text before a response, with placeholder {prompt}")
    ] = "{prompt}"
    prompt: Prompting = DEFAULT_PROMPT
    continuation: Annotated[
        Literal["none", "prefill", "continue_final_message"],
        Field(
            description="chat: how the server continues a response that was begun. prefill: it "
            "continues a final assistant message; continue_final_message: it needs this flag "
            "(vLLM, SGLang); none: it cannot"
        ),
    ] = "none"

    concurrency: Annotated[
        int, OPERATIONAL, Field(ge=1, le=1000, description="largest number of requests in flight")
    ] = 64
    timeout: Annotated[
        float, OPERATIONAL, Field(gt=0, description="seconds that an attempt may take in all")
    ] = 600.0
    max_retries: Annotated[
        int,
        OPERATIONAL,
        Field(
            ge=0,
            description="retries after 429, 5xx, timeouts, lost connections and invalid answers",
        ),
    ] = 6
    seed: Annotated[bool, Field(description="send the seed of each request")] = True
    logprobs: Annotated[bool, Field(description="request log-probabilities")] = True
    split_n: Annotated[
        bool, Field(description="request n samples one by one, for servers that ignore n")
    ] = False
    include_stop_str_in_output: Annotated[
        bool, Field(description="vLLM: keep the stop string in the text")
    ] = False
    return_token_ids: Annotated[
        bool, Field(description="vLLM: return token ids, so that budgets and lengths count them")
    ] = False
    max_tokens_key: Annotated[
        Literal["max_tokens", "max_completion_tokens"],
        Field(description="name of the server's limit on the length of a sample"),
    ] = "max_tokens"
    extra_body: Annotated[
        dict[str, Any],
        SECRET_ENTRIES,
        Field(description="additional fields of every request, such as top_k"),
    ] = Field(default_factory=dict)
    headers: Annotated[
        dict[HeaderName, HeaderValue],
        OPERATIONAL,
        SECRET,
        Field(description="additional headers of every request; their values are secret"),
    ] = Field(default_factory=dict)
    prices: Annotated[
        Prices | None, OPERATIONAL, Field(description="prices, to report the cost")
    ] = None

    @model_validator(mode="after")
    def _one_api(self) -> Self:
        chat = self.api == "chat"
        if chat and "prompt_template" in self.model_fields_set:
            raise ValueError("prompt_template is for api: completions; the server renders a chat")
        if not chat and (_is_chat(self.prompt) or self.continuation != "none"):
            raise ValueError("prompt and continuation are for api: chat; use prompt_template")
        if chat and self.prompt.style == "raw":
            raise ValueError("prompt.style: raw is for api: completions")
        for key in ("template", "response_prefix"):
            if getattr(self.prompt, key):
                raise ValueError(f"prompt.{key}: the server renders the chat, not this policy")
        if "{prompt}" not in self.prompt_template:
            raise ValueError("prompt_template: expected {prompt} in it")
        return self

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        if self.prompt.template_kwargs and "chat_template_kwargs" in self.extra_body:
            raise ValueError("extra_body.chat_template_kwargs are set by prompt.template_kwargs")
        if taken := sorted(_SET_BY_REQUESTS & set(self.extra_body)):
            raise ValueError(f"extra_body: {', '.join(taken)} are set by requests and params")
        return self

    def missing_here(self, machine: Machine) -> str:
        """Return a message if the server does not answer; else an empty string."""
        return "" if machine.server(self.base_url) else f"nothing answers at {self.base_url}"
