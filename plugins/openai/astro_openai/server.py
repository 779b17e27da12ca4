"""The server: retries, limits, and the meaning of its errors."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import msgspec
import openai

from astro.errors import PolicyError
from astro.plugins.secrets import redacted
from astro.text import without_unsafe
from astro_openai.answers import Answer, decode, software
from astro_openai.bodies import Body
from astro_openai.params import PolicyParams
from astro_openai.transport import MIB, BoundedClient, Unbounded, most_bytes, seconds_to_wait
from astro_openai.usage import Meter

_NO_KEY = "none"  # the client requires a key; servers without authentication ignore it
_PING_SECONDS = 10.0
_BYTES_PER_TOKEN = 2048  # its text, log-probability and id, each in JSON
_MOST_BYTES = 256 * MIB
_SHOWN = 300
_FULL = re.compile(r"context[ _-]?(length|size|window)|max_model_len|input tokens", re.IGNORECASE)


class Refused(Exception):
    """The server rejects a single request."""


class ContextFull(Refused):
    """The prompt leaves no room for a sample."""


class _TransientFault(Exception):
    """A fault after which a request is repeated.

    Attributes:
        refusal: What is raised if no retry succeeds.
        headers: The headers of the response; they may say when to try again.
        lost: Whether there was no response, so that the server may be gone.
    """

    def __init__(
        self, refusal: Refused, headers: Mapping[str, str] | None = None, lost: bool = False
    ) -> None:
        super().__init__(refusal)
        self.refusal = refusal
        self.headers = headers or {}
        self.lost = lost


class Server:
    """Sends at most `concurrency` requests at once; all its methods run on one event loop.

    A request is repeated after 408, 409, 429, 5xx, timeouts, lost connections and invalid
    responses, with exponential backoff or after `Retry-After`. An attempt takes at most `timeout`
    seconds, and a response has a bounded size. No error message contains the key or another secret.

    Attributes:
        software: The server's software as its list of models names it, such as `vllm`.
    """

    def __init__(self, params: PolicyParams, meter: Meter) -> None:
        """Read the key; nothing is sent yet.

        Raises:
            PolicyError: The environment variable of the key is empty.
        """
        self.software = ""
        self._params = params
        self._meter = meter
        self._key = _read_key(params)
        self._key_pattern = re.compile(r"[^!-~]*".join(map(re.escape, self._key)))
        self._slots = asyncio.Semaphore(params.concurrency)
        self._client = openai.AsyncOpenAI(
            base_url=params.base_url,
            api_key=self._key,
            timeout=openai.Timeout(params.timeout, connect=min(params.timeout, _PING_SECONDS)),
            max_retries=0,  # `ask` repeats requests
            default_headers={**params.headers, "Accept-Encoding": "gzip, deflate"},
            http_client=BoundedClient(),
        )
        resource = self._client.chat if params.api == "chat" else self._client
        self._create: Callable[..., Awaitable[Any]] = resource.completions.with_raw_response.create

    async def check(self) -> None:
        """Check that the server can be reached and accepts the key.

        Raises:
            PolicyError: It cannot, or does not.
        """
        client = self._client.with_options(timeout=_PING_SECONDS)
        try:
            async with asyncio.timeout(_PING_SECONDS):
                models = await client.models.with_raw_response.list()
            self.software = software(models.content)
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise self._wrong_key() from None
        except (TimeoutError, openai.APIConnectionError) as error:
            raise PolicyError(
                f"cannot reach {self._params.base_url}: {self._said(error)}",
                "start the server or correct policy.params.base_url; the same command goes on",
            ) from None
        except (openai.APIError, Unbounded):
            pass  # the server responds; not every server can list its models

    async def ask(self, body: Body) -> Answer:
        """Send one request and return the response, which has as many choices as were requested.

        Raises:
            Refused: The server rejects this request, or no retry succeeds.
            PolicyError: The server would reject any request.
        """
        self._meter.count(requests=1)
        most_bytes.set(_bound(body, self._params.max_tokens_key))
        async with self._slots:
            for retries in count():
                try:
                    return await self._attempt(body)
                except _TransientFault as fault:
                    if retries >= self._params.max_retries:
                        if fault.lost:
                            await self.check()
                        raise fault.refusal from None
                    wait = seconds_to_wait(fault.headers, retries)
                self._meter.count(retries=1)
                await asyncio.sleep(wait)
        raise AssertionError  # the loop has no other end

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _attempt(self, body: Body) -> Answer:
        try:
            async with asyncio.timeout(self._params.timeout):
                raw = await self._create(**body)
            answer = decode(raw.content)
        except (TimeoutError, openai.APITimeoutError):
            reason = f"no answer within {self._params.timeout:g} s"
            raise _TransientFault(Refused(reason), lost=True) from None
        except openai.APIConnectionError as error:
            raise _TransientFault(Refused(f"no answer: {self._said(error)}"), lost=True) from None
        except openai.AuthenticationError:
            raise self._wrong_key() from None
        except openai.APIStatusError as error:
            refusal = self._refusal(error)
            if _is_transient(error) and isinstance(refusal, Refused):
                raise _TransientFault(refusal, error.response.headers) from None
            raise refusal from None
        except (msgspec.MsgspecError, UnicodeDecodeError, Unbounded) as error:
            raise _TransientFault(Refused(f"not an answer: {self._redacted(str(error))}")) from None
        except UnicodeEncodeError:
            raise Refused("the prompt holds a lone surrogate, so it is no text") from None
        self._meter.add(answer.usage)
        if len(answer.choices) != (wanted := body.get("n", 1)):
            raise _TransientFault(
                Refused(
                    f"{len(answer.choices)} of {wanted} samples came; where a server ignores n, "
                    "set policy.params.split_n: true"
                )
            )
        return answer

    def _refusal(self, error: openai.APIStatusError) -> Exception:
        said = self._said(error)
        if error.code == "insufficient_quota":
            return PolicyError(f"{self._params.base_url}: {said}", "the same command goes on")
        if error.status_code == 404:
            return PolicyError(
                f"{self._params.base_url}: {said}",
                "correct base_url (it ends with /v1), model or api in policy.params",
            )
        too_much = error.status_code in (400, 413, 422) and error.param != "max_tokens"
        if too_much and (error.code == "context_length_exceeded" or _FULL.search(said)):
            return ContextFull(said)
        return Refused(f"HTTP {error.status_code}: {said}")

    def _wrong_key(self) -> PolicyError:
        variable = self._params.api_key_env
        return PolicyError(
            f"{self._params.base_url} refused "
            + (f"the key in ${variable}" if variable else "a request without a key"),
            f"set {variable}" if variable else "name its variable in policy.params.api_key_env",
        )

    def _said(self, error: TimeoutError | openai.APIError) -> str:
        """Return the server's message, if there is one."""
        if isinstance(error, TimeoutError):
            return "Request timed out."
        body = error.body
        message = body.get("message") if isinstance(body, dict) else None
        return self._redacted(str(message or error.__cause__ or "") or str(error))

    def _redacted(self, text: str) -> str:
        """Return the beginning of a text on one line, without the key and other secrets.

        The key is found even with blanks or invisible characters inside.
        """
        text = " ".join(without_unsafe(text).split())
        if self._key != _NO_KEY:
            text = self._key_pattern.sub("***", text)
        return redacted(self._params, text)[:_SHOWN]


def _is_transient(error: openai.APIStatusError) -> bool:
    """Whether the same request may succeed later."""
    said = error.response.headers.get("x-should-retry")
    temporary = error.status_code in (408, 409, 429) or error.status_code >= 500
    return temporary if said not in ("true", "false") else said == "true"


def _bound(body: Body, max_tokens_key: str) -> int:
    """Return the number of bytes that the response to a request may have."""
    echoed = len(body["prompt"]) if body.get("echo") else 0
    tokens = body.get("n", 1) * body.get(max_tokens_key, 0) + echoed
    return int(min(MIB + _BYTES_PER_TOKEN * tokens, _MOST_BYTES))


def _read_key(params: PolicyParams) -> str:
    if params.api_key_env is None:
        return _NO_KEY
    key = os.environ.get(params.api_key_env, "").strip()
    if not key:
        raise PolicyError(
            f"the environment variable {params.api_key_env} holds no key",
            f"export {params.api_key_env}=...",
        )
    return key
