"""A thread's work: one back end behind queues."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol

from astro.errors import AstroError
from astro.requests import Failure, Generate, LogProb, Verify

Asked = tuple[int, Generate | LogProb | Verify]
Replied = tuple[int, Any]
Inbox = SimpleQueue[list[Asked] | None]
Outbox = SimpleQueue[list[Replied] | Exception]


class Backend(Protocol):
    """A policy, or whatever else takes requests and hands back replies."""

    def add(self, ticket: int, request: Any) -> None: ...

    def step(self) -> list[Replied]: ...

    def close(self) -> None: ...


def serve(make: Callable[[], Backend], inbox: Inbox, outbox: Outbox) -> None:
    """Answer the batches of `inbox` until a None. The back end is made at the first of them.

    Requests join those under way. What the back end raises goes into `outbox`, and is the end.
    """
    try:
        batch = inbox.get()
        if batch is not None:
            _serve(make(), batch, inbox, outbox)
    except Exception as error:  # the back end's boundary: the driver knows what to do about it
        outbox.put(error)


def _serve(backend: Backend, batch: list[Asked] | None, inbox: Inbox, outbox: Outbox) -> None:
    under_way = 0
    while batch is not None:
        under_way += _add(backend, batch, outbox)
        while under_way and inbox.empty():
            replies = backend.step()
            under_way -= len(replies)
            outbox.put(replies)
        batch = inbox.get()
    backend.close()


def _add(backend: Backend, batch: list[Asked], outbox: Outbox) -> int:
    """Add the requests; how many were taken. A fault on one request is that request's."""
    taken = 0
    for ticket, request in batch:
        try:
            backend.add(ticket, request)
            taken += 1
        except AstroError:
            raise
        except Exception as error:
            outbox.put([(ticket, Failure(f"{type(error).__name__}: {error}"))])
    return taken
