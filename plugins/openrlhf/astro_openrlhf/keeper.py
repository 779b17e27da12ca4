"""Supervises another program: `python -m astro_openrlhf.keeper SPEC`, started by `running`.

When our process ends, even by SIGKILL, the pipe that is the keeper's standard input is closed. The
keeper then ends the program and all processes that it has started, Ray's daemons included. On Linux
it is the subreaper of orphaned processes, so it finds them as well. It does the same when the
program ends by itself.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil

NOT_STARTED = 127
"""The exit code for a command that cannot be started, the same as a shell's."""
_POLL_SECONDS = 0.2
_STOP_SECONDS = 60.0
_PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    stop: Sequence[str] = (),
    grace: float = 15.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` with its output appended to `log`, and end all its processes after the block.

    The yielded process is the keeper, whose exit code is the command's. `stop` is run however the
    command ends, because a command that follows a job on a cluster may end before the job does.
    Processes that are still running `grace` seconds after SIGTERM are killed.
    """
    spec = json.dumps([[*command], [*stop], str(log), dict(env), grace])
    keeper = subprocess.Popen(
        [sys.executable, "-P", "-m", "astro_openrlhf.keeper", spec],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal must reach this process only
    )
    try:
        yield keeper
    finally:
        assert keeper.stdin
        keeper.stdin.close()
        keeper.wait()


def keep(
    command: Sequence[str], stop: Sequence[str], log: Path, env: Mapping[str, str], grace: float
) -> int:
    """Run `command` until it ends or standard input is closed, and return its exit code."""
    _adopt_orphans()
    with log.open("ab") as output:
        start = partial(
            subprocess.Popen,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env},
        )
        try:
            program = start(command, stdout=output)
        except OSError as error:
            output.write(f"{command[0]}: {error.strerror}\n".encode())
            return NOT_STARTED
        while program.poll() is None and not _abandoned():
            time.sleep(_POLL_SECONDS)
        if stop:
            with suppress(OSError, subprocess.TimeoutExpired):
                start(stop, stdout=subprocess.DEVNULL).wait(_STOP_SECONDS)
    _end_all(grace)
    code = program.wait()
    return 128 - code if code < 0 else code


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _abandoned() -> bool:
    """Whether the pipe is closed: nothing is written to it, so it is ready only then."""
    return bool(select.select([sys.stdin], [], [], 0.0)[0])


def _end_all(grace: float) -> None:
    """Terminate all descendants, and kill those that are still running after `grace` seconds."""
    _signal_all(signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _descendants() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    while _descendants():
        _signal_all(signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _signal_all(number: signal.Signals) -> None:
    for process in _descendants():
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _descendants() -> list[psutil.Process]:
    """The descendants that are still running."""
    return [process for process in psutil.Process().children(recursive=True) if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    command, stop, log, env, grace = json.loads(sys.argv[1])
    sys.exit(keep(command, stop, Path(log), env, grace))
