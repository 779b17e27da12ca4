"""Programs whose requests are changed, or answered without a model, before the engine sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from astro.requests import BudgetExhausted, Program, Request

R = TypeVar("R")


def _unread(_: Request, reply: Any) -> Any:
    return reply


def adapted(
    program: Program[R],
    change: Callable[[Request], Request | None],
    read: Callable[[Request, Any], Any] = _unread,
) -> Program[R]:
    """Run a program with other requests than it makes, and with other replies than came.

    `change` returns the request to make in place of one of the program's. If it returns None, no
    request is made, and the reply to the program's request is None. `read` returns what the program
    is sent for a request that was made and its reply; it is not called for one that was not asked.
    """
    step: Callable[[], list[Request]] = partial(next, program)
    while True:
        try:
            batch = step()
        except StopIteration as stop:
            result: R = stop.value
            return result
        asked = [change(request) for request in batch]
        made = [request for request in asked if request is not None]
        try:
            replies = (yield made) if made else []
        except BudgetExhausted as spent:
            partly = _spread(asked, spent.replies, read) if spent.replies else ()
            step = partial(program.throw, BudgetExhausted(partly))
        else:
            step = partial(program.send, _spread(asked, replies, read))


def _spread(
    asked: Sequence[Request | None], replies: Iterable[Any], read: Callable[[Request, Any], Any]
) -> list[Any]:
    """The replies in the places of the requests that were made, and None in the other places."""
    left = iter(replies)
    return [
        None if request is None or (reply := next(left)) is None else read(request, reply)
        for request in asked
    ]
