"""Ctrl-C and SIGTERM, which end a command wherever they arrive."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

_DELAY = 0.05
"""Seconds until a signal is sent again whose exception was dropped."""


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived; the process ends as after Ctrl-C, so that a run writes its counters."""


@contextmanager
def interruptible() -> Iterator[list[KeyboardInterrupt]]:
    """Raise `KeyboardInterrupt` at Ctrl-C and `Terminated` at SIGTERM, and yield what was raised.

    Python drops the exception if it is raised in a destructor or a callback; the signal is then
    sent again. A library may also raise an error of its own in place of the exception: an error
    that leaves the block after a signal is the signal's.

    Signals are handled in the main thread alone; elsewhere they end the process as usual. Those
    that the process ignores, it goes on to ignore.
    """
    arrived: list[KeyboardInterrupt] = []

    def interrupt(number: int, _: object) -> NoReturn:
        arrived.append(Terminated() if number == signal.SIGTERM else KeyboardInterrupt())
        raise arrived[-1]

    def dropped(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            terminated = issubclass(unraisable.exc_type, Terminated)
            number = signal.SIGTERM if terminated else signal.SIGINT
            threading.Timer(_DELAY, os.kill, (os.getpid(), number)).start()
        else:
            hook(unraisable)

    if threading.current_thread() is not threading.main_thread():
        yield arrived
        return
    heard = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    hook, sys.unraisablehook = sys.unraisablehook, dropped
    try:
        yield arrived
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
