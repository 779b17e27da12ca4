"""A limit on what one verdict may spend in sympy, whatever the text."""

from __future__ import annotations

import gc
import inspect
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, TypeVar

_CHECK_EVERY = 64
_CALLED_BACK = ("weakref", "_weakrefset")
_Result = TypeVar("_Result")
Guards = Mapping[CodeType, Callable[[Mapping[str, Any]], bool]]


class Spent(BaseException):
    """The allowance is used up.

    It is not an `Exception`, so that no handler inside the library catches it.
    """


@dataclass(slots=True)
class Allowance:
    """What is left to spend.

    Attributes:
        calls: Calls of Python functions, which are counted alike on every machine.
        seconds: Processor time of this thread, for long work within few calls.
    """

    calls: int = 250_000
    seconds: float = 0.6


def metered(compute: Callable[[], _Result], allowance: Allowance, guards: Guards) -> _Result:
    """Return the result of `compute`, which may spend no more than the allowance.

    Uses the trace function of this thread and no signals, so it works in any thread. A trace
    function that was set before is restored.

    Args:
        compute: The computation.
        allowance: What is left; it is reduced by what the computation spends.
        guards: For the code of a function, whether its arguments are too large. They are checked
            at each call, since a single call into C cannot be interrupted.

    Raises:
        Spent: The allowance is used up, or a guard has rejected a call.
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
        if spent and _reaches_its_caller(frame):
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


def _reaches_its_caller(frame: FrameType) -> bool:
    """Whether Python passes on an exception that is raised in this frame.

    It ignores one, and stops tracing, in a generator that is being closed, in a finalizer, and in
    what the garbage collector and weak references call back.
    """
    if frame.f_code.co_flags & inspect.CO_GENERATOR:
        return False
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    caller: FrameType | None = frame
    while caller is not None:
        code, module = caller.f_code, caller.f_globals.get("__name__")
        if code in callbacks or code.co_name == "__del__" or module in _CALLED_BACK:
            return False
        caller = caller.f_back
    return True
