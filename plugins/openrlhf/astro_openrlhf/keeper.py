"""Keeps a foreign program: `python -m astro_openrlhf.keeper SPEC`, started by `running`.

Whatever ends us, Ctrl-C or SIGKILL, closes the pipe that is the keeper's standard input. The keeper
then ends the program, and everything that it has started, Ray's daemons too: on Linux orphans are
the keeper's own, so none can escape. It does the same when the program ends by itself.
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

import psutil  # type: ignore[import-untyped]

NOT_STARTED = 127
"""The exit code for a command that cannot be started, as a shell has it."""
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
    """Run `command` with its output added to `log`; nothing of it is left after the block.

    However the command ends, `stop` is run then: who follows a job elsewhere may lose sight of it.
    What has not ended `grace` seconds after it was asked to is killed. The process is the keeper;
    its exit code is the command's.
    """
    spec = json.dumps([[*command], [*stop], str(log), dict(env), grace])
    keeper = subprocess.Popen(
        [sys.executable, "-P", "-m", "astro_openrlhf.keeper", spec],
        stdin=subprocess.PIPE,
        start_new_session=True,  # the terminal's Ctrl-C is for us
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
    """Run `command` until it ends or our standard input does. Returns its exit code."""
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
    """Nobody writes to the pipe, so that it can be read means that its other end is closed."""
    return bool(select.select([sys.stdin], [], [], 0.0)[0])


def _end_all(grace: float) -> None:
    """Ask all descendants to end, and kill those that are still there after `grace` seconds."""
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
    """Those that are not dead yet."""
    return [process for process in psutil.Process().children(recursive=True) if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    command, stop, log, env, grace = json.loads(sys.argv[1])
    sys.exit(keep(command, stop, Path(log), env, grace))
