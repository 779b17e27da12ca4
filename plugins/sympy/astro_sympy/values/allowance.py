"""How much may be spent on sympy in one verdict, whatever the text."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, TypeVar

_CHECK_EVERY = 64
_Result = TypeVar("_Result")
Guards = Mapping[CodeType, Callable[[Mapping[str, Any]], bool]]


class Spent(BaseException):
    """Nothing is left. No `Exception`, so that no handler inside the library takes it."""


@dataclass(slots=True)
class Allowance:
    """What is left: calls of Python functions, which every machine counts alike, and seconds of
    this thread's processor time, which end what the calls do not."""

    calls: int = 250_000
    seconds: float = 0.6


def metered(compute: Callable[[], _Result], allowance: Allowance, guards: Guards) -> _Result:
    """The result of `compute`. Raises `Spent` when the allowance ends, or a guard says so.

    `guards` are asked, at the call of a function with that code, whether its arguments are too
    large; for what happens inside one call cannot be interrupted. Uses the tracing of this thread,
    and no signal, so it works in any thread; a tracer that was there is put back.
    """
    began = time.thread_time()
    until = began + allowance.seconds
    spent = False

    def on_call(frame: FrameType, *_: object) -> None:
        nonlocal spent
        allowance.calls -= 1
        if allowance.calls < 0 or not allowance.calls % _CHECK_EVERY:
            spent = spent or allowance.calls < 0 or time.thread_time() > until
        guard = guards.get(frame.f_code)
        if guard is not None and guard(frame.f_locals):
            spent = True
        # Python ignores what is raised in a generator that it closes, and then traces no more.
        if spent and not frame.f_code.co_flags & inspect.CO_GENERATOR:
            raise Spent

    if allowance.calls <= 0 or allowance.seconds <= 0:
        raise Spent
    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        return compute()
    finally:
        sys.settrace(before)
        allowance.seconds -= time.thread_time() - began
