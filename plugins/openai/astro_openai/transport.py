"""Responses of bounded size, and how long to wait before a request is repeated."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from typing import Any

import openai

MIB = 2**20
most_bytes: ContextVar[int] = ContextVar("most_bytes", default=MIB)
"""Number of bytes that the body of a response to the current task may have."""
_ENCODINGS = ("", "identity", "gzip", "deflate")  # one layer, which inflates 1,000 times at most
_LONGEST_WAIT = 120.0
_LONGEST_BACKOFF = 8.0


class Unbounded(Exception):
    """The body of a response is larger than `most_bytes`, or may inflate without bound."""


class BoundedClient(openai.DefaultAsyncHttpxClient):
    """An HTTP client that stops reading a body once it is too large after decompression."""

    async def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request and read the whole response.

        Raises:
            Unbounded: The body is too large.
        """
        response = await super().send(request, **{**kwargs, "stream": True})
        content = bytearray()
        try:
            encoding = response.headers.get("content-encoding", "").strip().lower()
            if encoding not in _ENCODINGS:
                raise Unbounded("the server compresses its answer in a way that was not requested")
            async for part in response.aiter_bytes():
                content += part
                if len(content) > most_bytes.get():
                    raise Unbounded(f"the answer is longer than {most_bytes.get() / MIB:.0f} MiB")
        finally:
            await response.aclose()
        headers = {
            name: value
            for name, value in response.headers.items()
            if name not in ("content-encoding", "content-length", "transfer-encoding")
        }
        return type(response)(
            response.status_code, headers=headers, content=bytes(content), request=request
        )


def seconds_to_wait(headers: Mapping[str, str], retries: int) -> float:
    """Return the seconds before the next attempt: what `Retry-After` says, or a backoff.

    The wait is at most two minutes, whatever the server asks for.
    """
    asked = _retry_after(headers.get("retry-after", ""))
    if asked > 0:
        return min(asked, _LONGEST_WAIT)
    return min(0.5 * 2.0 ** min(retries, 10), _LONGEST_BACKOFF) * random.uniform(0.75, 1.0)


def _retry_after(value: str) -> float:
    """Return the seconds that a header `Retry-After` names, as a number or as a date; else 0."""
    try:
        return float(value)
    except ValueError:
        try:
            return parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
