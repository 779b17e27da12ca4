"""Child processes that share only a pipe with their parent and never outlive it.

This file is also what a child runs first, before it imports anything that takes long.
"""

from __future__ import annotations

import fcntl
import gc
import os
import runpy
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
    """A new interpreter that runs a module, and the parent's end of the pipe to it."""

    process: subprocess.Popen[bytes]
    pipe: Connection[Any, Any]

    @classmethod
    def start(cls, module: str, **environment: str) -> Child:
        """Run `module` as `python -m` does; it calls `attend`. Can be called from any thread.

        Variables of `environment` are added to those of this process.
        """
        (child,) = cls.copies(module, 1, **environment)
        return child

    @classmethod
    def copies(cls, module: str, number: int, **environment: str) -> list[Child]:
        """Do as `start` does, for several children that live and die together.

        On Linux `module` is imported once, and then forked; what it imports may start no thread.
        """
        if number > 1 and sys.platform != "linux":  # where system libraries may not survive a fork
            return [cls.start(module, **environment) for _ in range(number)]
        ours, theirs = zip(*(Pipe() for _ in range(number)), strict=True)
        handles = [pipe.fileno() for pipe in theirs]
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(os.getpid()), module, *map(str, handles)],
            pass_fds=handles,
            stdin=subprocess.PIPE,  # the child's lifeline: see `_die_with_parent`
            stdout=subprocess.DEVNULL,
            # equal results in every child
            env={**os.environ, "PYTHONHASHSEED": "0", **environment},
            process_group=0,  # Ctrl-C reaches only the parent, which ends its children
        )
        for pipe in theirs:
            pipe.close()
        return [cls(process, pipe) for pipe in ours]

    def stop(self) -> int:
        """Kill the child and what it has started.

        Returns its exit code, which is negative if a signal ended it.
        """
        with suppress(ProcessLookupError, PermissionError):  # no process left, or only zombies
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        self.let_go()
        return code

    def let_go(self) -> None:
        """Close this process's ends of the pipes and do not kill the child.

        After a fork, the child belongs to the original process.
        """
        self.pipe.close()
        assert self.process.stdin
        self.process.stdin.close()

    def has_spoken(self) -> bool:
        """Whether there is something to read. Ten times as fast as `pipe.poll()`."""
        poll = select.poll()
        poll.register(self.pipe, select.POLLIN)
        return bool(poll.poll(0))

    def starved(self) -> float:
        """Seconds so far in which the child's main thread was runnable but no core was free.

        Linux reports this; the result is 0 on other systems.
        """
        try:
            return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            return 0.0


def attend(serve: Callable[[Connection[Any, Any]], None]) -> None:
    """The main function of a child: run `serve` on the pipe to the parent until either ends.

    What the child has imported is never garbage, so the collector need not look at it again.
    """
    gc.freeze()
    gc.enable()
    pipes: list[Connection[Any, Any]] = [Connection(int(handle)) for handle in sys.argv[1:]]
    try:
        serve(pipes[0] if len(pipes) == 1 else _forked(pipes))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        sys.exit(0)


def _forked(pipes: list[Connection[Any, Any]]) -> Connection[Any, Any]:
    """Go on as one process for each pipe, which is returned there.

    This process ends as soon as one of them does, in the same way.
    """
    parent = os.getpid()
    for mine in pipes:
        if os.fork() == 0:
            for other in pipes:
                if other is not mine:
                    other.close()
            threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
            return mine
    for pipe in pipes:
        pipe.close()
    code = os.waitstatus_to_exitcode(os.wait()[1])
    if code < 0:
        os.kill(parent, -code)
    os._exit(code)


def _begin() -> None:
    """Run the module that the arguments name, in a process that ends with its parent.

    It imports without garbage collections, which take a seventh of the time. `attend` allows them.
    """
    parent, module = int(sys.argv[1]), sys.argv[2]
    _die_with_parent(parent)
    del sys.argv[1:3]
    gc.disable()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _die_with_parent(parent: int) -> None:
    """Kill this process and what it has started when its parent ends, whatever they are doing.

    The lifeline is a pipe that nobody writes to, so the only event on it is that its other end was
    closed. Linux then sends SIGKILL, which needs no running thread in this process.
    (`PR_SET_PDEATHSIG` would kill this process when the parent's starting thread ends.) A fork of
    the parent may keep the other end open, and other systems send no SIGKILL; in these cases a
    thread notices within a second, unless C code holds the interpreter. A parent that has ended
    earlier causes no signal, so this is checked last.
    """
    lifeline = os.dup(sys.stdin.fileno())
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    gone = select.poll()
    gone.register(lifeline, 0)  # poll always reports that the other end is closed
    if gone.poll(0):
        os.killpg(0, signal.SIGKILL)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _begin()
