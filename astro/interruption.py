"""Ctrl-C, SIGTERM and SIGHUP, which end a command wherever they arrive."""

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
SIGNALS = (signal.SIGINT, signal.SIGTERM, *filter(None, [getattr(signal, "SIGHUP", None)]))
"""The signals that end a command. SIGHUP, which Windows lacks, arrives when the terminal is closed.
"""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP has arrived; the process ends as after Ctrl-C, so that work is saved."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.number = number


@contextmanager
def interruptible() -> Iterator[list[KeyboardInterrupt]]:
    """Raise `KeyboardInterrupt` at Ctrl-C, `Terminated` at the others. Yields what was raised.

    Python drops the exception if it is raised in a destructor or a callback; the signal is then
    sent again. A library may also raise an error of its own in place of the exception: an error
    that leaves the block after a signal is the signal's.

    Signals are handled in the main thread alone; elsewhere they end the process as usual. Those
    that the process ignores, it goes on to ignore.
    """
    arrived: list[KeyboardInterrupt] = []

    def interrupt(number: int, _: object) -> NoReturn:
        arrived.append(KeyboardInterrupt() if number == signal.SIGINT else Terminated(number))
        raise arrived[-1]

    def dropped(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            number = getattr(unraisable.exc_value, "number", signal.SIGINT)
            threading.Timer(_DELAY, os.kill, (os.getpid(), number)).start()
        else:
            hook(unraisable)

    if threading.current_thread() is not threading.main_thread():
        yield arrived
        return
    heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    hook, sys.unraisablehook = sys.unraisablehook, dropped
    try:
        yield arrived
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
