"""Combination of programs, so that independent requests go into one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from astro.requests import BudgetExhausted, Program, Request

R = TypeVar("R")


def alongside(
    requests: Sequence[Request], program: Program[R]
) -> Program[tuple[list[Any], R | None]]:
    """Send `requests` together with the first batch of `program`, then run the program to its end.

    Returns the replies to `requests` and the result of the program. When the budget is spent, the
    program may still return what it has; otherwise None stands for its result.

    Raises:
        BudgetExhausted: It was spent before `requests` were answered.
    """
    count = len(requests)
    replies: list[Any] | None = None
    step: Callable[[], list[Request]] = partial(next, program)
    while True:
        try:
            batch = step()
        except StopIteration as stop:
            if replies is None:
                replies = (yield list(requests)) if requests else []
            return replies, stop.value
        except BudgetExhausted:
            if replies is None:
                raise
            return replies, None
        asked = batch if replies is not None else [*requests, *batch]
        at = 0 if replies is not None else count
        try:
            answers = yield asked
            step = partial(program.send, answers[at:])
        except BudgetExhausted as spent:
            answers = list(spent.replies)
            if at and not answers:
                raise
            step = partial(program.throw, BudgetExhausted(answers[at:]))
        if replies is None:
            replies = answers[:count]
