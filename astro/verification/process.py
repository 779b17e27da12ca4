"""Processes of our own that share nothing with us but a pipe, and never outlive us."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Child:
    """A fresh interpreter that runs a module, and our end of its pipe."""

    process: subprocess.Popen[bytes]
    pipe: Connection[Any, Any]

    @classmethod
    def start(cls, module: str) -> Child:
        """Run `python -m module`, whose main is `attend`. Works under any caller and thread."""
        ours, theirs = Pipe()
        with theirs:
            handle = theirs.fileno()
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(handle)],
                pass_fds=[handle],
                stdin=subprocess.PIPE,  # the child's lifeline: see `_die_with_parent`
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONHASHSEED": "0"},  # the same answer from every child
                process_group=0,  # the terminal's Ctrl-C is for us; we end our children
            )
        return cls(process, ours)

    def stop(self) -> int:
        """End it and what it has started. Returns its exit code, negative if a signal ended it."""
        with suppress(ProcessLookupError, PermissionError):  # a group of nobody, or of zombies
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        self.let_go()
        return code

    def let_go(self) -> None:
        """Close our ends and leave it be: in a fork, it is our parent's child."""
        self.pipe.close()
        assert self.process.stdin
        self.process.stdin.close()

    def has_spoken(self) -> bool:
        """Whether there is something to read: `pipe.poll()`, ten times as fast."""
        poll = select.poll()
        poll.register(self.pipe, select.POLLIN)
        return bool(poll.poll(0))

    def starved(self) -> float:
        """Seconds so far in which its main thread could run and no core was free.

        0 where the system does not tell; Linux does.
        """
        try:
            return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            return 0.0


def attend(serve: Callable[[Connection[Any, Any]], None]) -> None:
    """The main of a child: `serve` the pipe to our parent until either of them ends."""
    _die_with_parent()
    try:
        serve(Connection(int(sys.argv[1])))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        sys.exit(0)


def _die_with_parent() -> None:
    """Have this process and what it starts killed when our parent ends, whatever they are doing.

    Nobody writes to the lifeline, so it says one thing: its other end is gone. Linux then sends the
    signal of our choice, which needs no thread of ours to run. (`PR_SET_PDEATHSIG` would kill us
    with the thread that started us.) A fork of the parent may keep that end open, and other systems
    send no SIGKILL; there a thread finds out within a second, unless C code holds the interpreter.
    """
    lifeline = os.dup(sys.stdin.fileno())
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1.0)
    os.killpg(0, signal.SIGKILL)
