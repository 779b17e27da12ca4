"""Processes of our own that share nothing with us but a pipe, and never outlive us."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
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
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                process_group=0,  # the terminal's Ctrl-C is for us; we end our children
            )
        return cls(process, ours)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.pipe.close()


def attend(serve: Callable[[Connection[Any, Any]], None]) -> None:
    """The main of a child: `serve` the pipe to our parent until either of them ends."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        serve(Connection(int(sys.argv[1])))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        sys.exit(0)


def _die_with_parent() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
