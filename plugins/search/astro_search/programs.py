"""Combination of programs, so that independent requests go into one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from astro.requests import Program, Request

R = TypeVar("R")


def alongside(requests: Sequence[Request], program: Program[R]) -> Program[tuple[list[Any], R]]:
    """Send `requests` together with the first batch of `program`, then run the program to its end.

    Returns the replies to `requests` and the result of the program. An exception that is thrown in,
    such as `BudgetExhausted`, ends both.
    """
    replies: list[Any] | None = None
    send: list[Any] | None = None
    while True:
        try:
            batch = program.send(send) if send is not None else next(program)
        except StopIteration as stop:
            if replies is None:
                replies = (yield list(requests)) if requests else []
            return replies, stop.value
        if replies is None:
            answers = yield [*requests, *batch]
            replies, send = answers[: len(requests)], answers[len(requests) :]
        else:
            send = yield batch
