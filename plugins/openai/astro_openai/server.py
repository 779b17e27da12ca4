"""The server: retries, limits, and the meaning of its errors."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import openai

from astro.errors import PolicyError
from astro.text import plain
from astro_openai.answers import Answer, decode
from astro_openai.bodies import Body
from astro_openai.params import PolicyParams
from astro_openai.usage import Meter

_NO_KEY = "none"  # the client requires a key; servers without authentication ignore it
_PING_SECONDS = 10.0
_BACKOFF_SECONDS = 120.0  # the longest `Retry-After` that the client obeys
_SHOWN = 300
_FULL = re.compile(r"context[ _-]?(length|size|window)|max_model_len|input tokens", re.IGNORECASE)


class Refused(Exception):
    """The server rejects a single request."""


class ContextFull(Refused):
    """The prompt leaves no room for a sample."""


class Server:
    """Sends at most `concurrency` requests at once; all its methods run on one event loop.

    The client retries after 408, 409, 429, 5xx, timeouts and lost connections, with exponential
    backoff or after `Retry-After`. A server that keeps sending invalid responses is given up after
    the time that all attempts may take. No error message contains the key.
    """

    def __init__(self, params: PolicyParams, meter: Meter) -> None:
        """Read the key; nothing is sent yet.

        Raises:
            PolicyError: The environment variable of the key is empty.
        """
        self._params = params
        self._meter = meter
        self._key = _read_key(params)
        self._slots = asyncio.Semaphore(params.concurrency)
        self._patience = params.timeout + params.max_retries * (params.timeout + _BACKOFF_SECONDS)
        self._client = openai.AsyncOpenAI(
            base_url=params.base_url,
            api_key=self._key,
            timeout=openai.Timeout(params.timeout, connect=min(params.timeout, _PING_SECONDS)),
            max_retries=params.max_retries,
        )
        resource = self._client.chat if params.api == "chat" else self._client
        self._create: Callable[..., Awaitable[Any]] = resource.completions.with_raw_response.create

    async def check(self) -> None:
        """Check that the server can be reached and accepts the key.

        Raises:
            PolicyError: It cannot, or does not.
        """
        client = self._client.with_options(max_retries=0, timeout=_PING_SECONDS)
        try:
            await client.models.with_raw_response.list()
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise self._wrong_key() from None
        except openai.APIConnectionError as error:
            raise PolicyError(
                f"cannot reach {self._params.base_url}: {self._said(error)}",
                "start the server or correct policy.params.base_url; the same command goes on",
            ) from None
        except openai.APIError:
            pass  # the server responds; not every server can list its models

    async def ask(self, body: Body) -> Answer:
        """Send one request and return the response.

        Raises:
            Refused: The server rejects this request.
            PolicyError: The server would reject any request.
        """
        self._meter.count(requests=1)
        async with self._slots:
            try:
                return await self._attempt(body)
            except TimeoutError:
                raise Refused(f"no answer within {self._patience:g} s") from None
            except openai.APIConnectionError as error:
                await self.check()
                raise Refused(f"no answer: {self._said(error)}") from None
            except openai.AuthenticationError:
                raise self._wrong_key() from None
            except openai.APIStatusError as error:
                raise self._refusal(error) from None
            except UnicodeEncodeError:
                raise Refused("the prompt holds a lone surrogate, so it is no text") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _attempt(self, body: Body) -> Answer:
        """Send a request; also retry, with the client's backoff, after an invalid response."""
        retries = 0
        while True:
            async with asyncio.timeout(self._patience):
                raw = await self._create(**body)
            self._meter.count(retries=raw.retries_taken)
            try:
                answer = decode(raw.content)
            except msgspec.MsgspecError as error:
                if retries == self._params.max_retries:
                    raise Refused(f"not an answer: {self._redacted(str(error))}") from None
            else:
                self._meter.add(answer.usage)
                return answer
            await asyncio.sleep(min(0.5 * 2**retries, 8.0))
            retries += 1
            self._meter.count(retries=1)

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

    def _said(self, error: openai.APIError) -> str:
        """Return the server's message, if there is one."""
        body = error.body
        message = body.get("message") if isinstance(body, dict) else None
        return self._redacted(str(message or error.__cause__ or "") or str(error))

    def _redacted(self, text: str) -> str:
        if self._key != _NO_KEY:
            text = text.replace(self._key, "***")
        return " ".join(plain(text).split())[:_SHOWN]


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
