"""The bodies of requests to the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from astro.data.chat import with_roles
from astro.errors import PolicyError
from astro.requests import Generate
from astro.types import Prompt
from astro_openai.params import PolicyParams

Body = Mapping[str, Any]
_CONTINUATIONS: Mapping[str, Body] = {
    "prefill": {},
    "continue_final_message": {"continue_final_message": True, "add_generation_prompt": False},
}
_SEEDS = 2**32
_NEUTRAL: Mapping[str, Body] = {
    "vllm": {"repetition_penalty": 1.0, "top_k": -1, "min_p": 0.0},
    "sglang": {"repetition_penalty": 1.0, "top_k": -1, "min_p": 0.0},
    "llamacpp": {"repeat_penalty": 1.0, "top_k": 0, "min_p": 0.0},
}
"""What turns off the sampling options that a server sets itself or takes from the checkpoint."""


def neutral(software: str) -> Body:
    """Return the fields with which a server samples from the model's own distribution."""
    return _NEUTRAL.get(software, {})


def sample_bodies(params: PolicyParams, request: Generate, software: str = "") -> list[Body]:
    """Return one body for all `n` samples of a request or, with `split_n`, one for each sample.

    With `split_n`, sample i has seed + i, which is the seed that vLLM gives sample i of n. A greedy
    sample is requested only once. `software` is the server's: see `neutral`.

    Raises:
        PolicyError: The server cannot continue a response that was begun.
    """
    if request.temperature == 0:
        request = replace(request, n=1)
    if not params.split_n:
        return [_body(params, request, software)]
    return [
        _body(params, replace(request, n=1, seed=(request.seed + i) % _SEEDS), software)
        for i in range(request.n)
    ]


def echo_body(params: PolicyParams, text: str) -> Body:
    """Return the body of a request that scores `text` and generates nothing."""
    return {
        "model": params.model,
        "prompt": text,
        "max_tokens": 0,
        "echo": True,
        "logprobs": 1,
        "temperature": 0,
        "extra_body": params.extra_body,
    }


def render(params: PolicyParams, prompt: Prompt) -> str:
    """Return the text for /v1/completions to continue."""
    return params.prompt_template.replace("{prompt}", prompt.user) + prompt.response


def _body(params: PolicyParams, request: Generate, software: str) -> Body:
    body = {
        "model": params.model,
        "n": request.n,
        "temperature": request.temperature,
        "top_p": request.top_p,
        params.max_tokens_key: request.max_tokens,
        "extra_body": _extensions(params, software),
    }
    if stop := [word for word in request.stop if word]:
        body["stop"] = stop
    if params.seed:
        body["seed"] = request.seed
    if params.api == "chat":
        return _chat(params, request.prompt, body)
    if params.logprobs:
        body["logprobs"] = 1
    return {**body, "prompt": render(params, request.prompt)}


def _chat(params: PolicyParams, prompt: Prompt, body: dict[str, Any]) -> Body:
    said = with_roles(prompt.turns or (prompt.user,))
    messages = [{"role": role, "content": text} for role, text in said]
    if params.prompt.system is not None:
        messages.insert(0, {"role": "system", "content": params.prompt.system})
    if prompt.response:
        if params.continuation == "none":
            raise PolicyError(
                "a chat server begins a new message, but this run continues begun responses",
                "set policy.params.api: completions, or policy.params.continuation",
            )
        messages.append({"role": "assistant", "content": prompt.response})
        body["extra_body"] = {**body["extra_body"], **_CONTINUATIONS[params.continuation]}
    if params.logprobs:
        body["logprobs"] = True
    return {**body, "messages": messages}


def _extensions(params: PolicyParams, software: str) -> dict[str, Any]:
    names = ("include_stop_str_in_output", "return_token_ids")
    template = {"chat_template_kwargs": kwargs} if (kwargs := params.prompt.template_kwargs) else {}
    flags = {name: True for name in names if getattr(params, name)}
    return {**neutral(software), **params.extra_body, **template, **flags}
