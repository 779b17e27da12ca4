"""Responses of bounded size, and how long to wait before a request is repeated."""

from __future__ import annotations

import asyncio
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
_PLAIN = ("", "identity")
_ENCODINGS = (*_PLAIN, "gzip", "deflate")  # one layer, which inflates 1,000 times at most
_LARGE = MIB // 4
_ROOM = 256 * MIB
"""Bytes that large responses may take at once, whatever the number of requests. `most_bytes` is at
most as much."""
_LONGEST_WAIT = 120.0
_LONGEST_BACKOFF = 8.0


class Unbounded(Exception):
    """The body of a response is larger than `most_bytes`, or may inflate without bound."""


class _Room:
    """The memory for large responses, of which each takes as much as it may have."""

    def __init__(self) -> None:
        self._free = _ROOM
        self._changed = asyncio.Condition()

    async def take(self, size: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= size)
            self._free -= size

    async def give_back(self, size: int) -> None:
        async with self._changed:
            self._free += size
            self._changed.notify_all()


class BoundedClient(openai.DefaultAsyncHttpxClient):
    """An HTTP client that stops reading a body once it is too large after decompression.

    A response of more than 256 KiB, or a compressed one, is read once there is room for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._room = _Room()

    async def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request and read the whole response.

        Raises:
            Unbounded: The body is too large.
        """
        response = await super().send(request, **{**kwargs, "stream": True})
        content, most, taken = bytearray(), most_bytes.get(), 0
        try:
            encoding = response.headers.get("content-encoding", "").strip().lower()
            if encoding not in _ENCODINGS:
                raise Unbounded("the server compresses its answer in a way that was not requested")
            if encoding not in _PLAIN:
                await self._room.take(most)
                taken = most
            async for part in response.aiter_bytes():
                content += part
                if len(content) > most:
                    raise Unbounded(f"the answer is longer than {most / MIB:.0f} MiB")
                if len(content) > _LARGE and not taken:
                    await self._room.take(most)
                    taken = most
            body = bytes(content)
        finally:
            content.clear()  # an exception may outlive this call, and holds its variables
            await response.aclose()
            await self._room.give_back(taken)
        headers = {
            name: value
            for name, value in response.headers.items()
            if name not in ("content-encoding", "content-length", "transfer-encoding")
        }
        return type(response)(response.status_code, headers=headers, content=body, request=request)


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
