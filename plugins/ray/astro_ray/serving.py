"""The loop of a worker thread, which serves one backend from queues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

from astro.errors import AstroError
from astro.interfaces import Backend
from astro.requests import Failure, Request

Asked = tuple[int, Request]
Replied = tuple[int, Any]
Inbox = SimpleQueue[list[Asked] | None]
Outbox = SimpleQueue[Sequence[Replied] | Exception]


def serve(make: Callable[[], Backend], inbox: Inbox, outbox: Outbox) -> None:
    """Answer the batches of `inbox` until it yields None. The first batch builds the backend.

    New requests join those in progress. An exception of the backend is put into `outbox` and ends
    the loop.
    """
    try:
        batch = inbox.get()
        if batch is not None:
            _serve(make(), batch, inbox, outbox)
    except Exception as error:  # plugin boundary: the driver decides how to continue
        outbox.put(error)


def _serve(backend: Backend, batch: list[Asked] | None, inbox: Inbox, outbox: Outbox) -> None:
    under_way = 0
    while batch is not None:
        under_way += _add(backend, batch, outbox)
        while under_way and inbox.empty():
            replies = backend.step(block=True)
            under_way -= len(replies)
            outbox.put(replies)
        batch = inbox.get()
    backend.close()


def _add(backend: Backend, batch: list[Asked], outbox: Outbox) -> int:
    """Add requests and return how many the backend accepted; an error fails its request only."""
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
