"""What a config may say about a server. Imports no engine."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from astro.plugins.binding import DEFAULT_PROMPT, PromptConfig, Prompting
from astro.plugins.params import ModelParams, Params
from astro.rehearsal.rehearsable import Machine

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_SHOWN = "(not shown)"
_SET_BY_REQUESTS = {
    "model", "prompt", "messages", "n", "stop", "seed", "max_tokens", "max_completion_tokens",
    "temperature", "top_p", "stream", "echo", "logprobs", "continue_final_message",
    "add_generation_prompt", "include_stop_str_in_output", "return_token_ids",
}  # fmt: skip


def _hide_unless_variable(value: object) -> object:
    """A key that was put here by mistake must not reach the error message."""
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
    return prompt.style == "chat" or prompt.system is not None or bool(prompt.template_kwargs)


Price = Annotated[float, Field(ge=0)]


class Prices(Params):
    """What a million tokens cost, in any currency."""

    prompt: Annotated[Price, Field(description="a million prompt tokens")]
    generated: Annotated[Price, Field(description="a million generated tokens")]
    cached_prompt: Annotated[
        Price | None, Field(description="a million cached ones; default: as any prompt token")
    ] = None


class PolicyParams(ModelParams):
    """Params of the `openai` policy. The server has its model already, so `remote` is true."""

    remote: ClassVar[bool] = True
    base_url: Annotated[
        str,
        AfterValidator(_url),
        BeforeValidator(_hide_credentials),
        Field(description="the server, up to and including /v1"),
    ]
    model: Annotated[str, Field(description="the name under which the server has the model")]
    api_key_env: Annotated[
        Annotated[str, AfterValidator(_variable), BeforeValidator(_hide_unless_variable)] | None,
        Field(description="environment variable that holds the key; none: no key is sent"),
    ] = None

    api: Annotated[
        Literal["completions", "chat"], Field(description="/v1/completions, /v1/chat/completions")
    ] = "completions"
    prompt_template: Annotated[
        str, Field(description="completions: the text before a response; {prompt} stands in it")
    ] = "{prompt}"
    prompt: Prompting = DEFAULT_PROMPT
    continuation: Annotated[
        Literal["none", "prefill", "continue_final_message"],
        Field(
            description="chat: how a begun response goes on. prefill: the server continues a last "
            "message of the assistant; continue_final_message: when told so (vLLM, SGLang)"
        ),
    ] = "none"

    concurrency: Annotated[int, Field(ge=1, le=1000, description="requests in flight")] = 64
    timeout: Annotated[float, Field(gt=0, description="seconds an attempt may take")] = 600.0
    max_retries: Annotated[
        int, Field(ge=0, description="further attempts after 429, 5xx, timeouts, cut connections")
    ] = 6
    seed: Annotated[bool, Field(description="send each request's seed")] = True
    logprobs: Annotated[bool, Field(description="ask for log-probabilities")] = True
    split_n: Annotated[
        bool, Field(description="ask for n samples one by one, for servers that ignore n")
    ] = False
    include_stop_str_in_output: Annotated[
        bool, Field(description="vLLM: have the stop string left in the text")
    ] = False
    return_token_ids: Annotated[
        bool, Field(description="vLLM: have token ids, so that budgets and lengths count them")
    ] = False
    max_tokens_key: Annotated[
        Literal["max_tokens", "max_completion_tokens"],
        Field(description="what the server calls the limit on a sample"),
    ] = "max_tokens"
    extra_body: Annotated[
        dict[str, Any], Field(description="further fields of every request, such as top_k")
    ] = Field(default_factory=dict)
    prices: Annotated[Prices | None, Field(description="to count the cost")] = None

    @model_validator(mode="after")
    def _one_api(self) -> Self:
        chat = self.api == "chat"
        if chat and "prompt_template" in self.model_fields_set:
            raise ValueError("prompt_template is for api: completions; the server renders a chat")
        if not chat and (_is_chat(self.prompt) or self.continuation != "none"):
            raise ValueError("prompt and continuation are for api: chat; use prompt_template")
        if chat and self.prompt.style == "raw":
            raise ValueError("prompt.style: raw is for api: completions")
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
        """The server."""
        return "" if machine.server(self.base_url) else f"nothing answers at {self.base_url}"
