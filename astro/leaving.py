"""How a command ends that an error has stopped: its exit code, and the lines that say why."""

from __future__ import annotations

import errno
import signal

from astro.errors import AstroError, ConfigError
from astro.interruption import Terminated

RESUMED = ("run", "compare", "rl", "evaluate")
"""The commands that work on a run, which they resume."""
_BY_SIGNAL = 128
"""What is added to the number of the signal that ended a command, to give its exit code."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def leaving(error: BaseException, command: str | None) -> tuple[int, list[str]]:
    """Return the exit code of a command that failed, and the lines that say why.

    The notes of a `KeyboardInterrupt` say what the command had done. After it, Ctrl-C ends the
    process at once, also if it hangs.
    """
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        how, number = "interrupted", int(signal.SIGINT)
        if isinstance(error, Terminated):
            how, number = "terminated", error.number
        again = ["the same command, without --fresh, resumes a run"]
        notes = again if command in RESUMED else getattr(error, "__notes__", [])
        return _BY_SIGNAL + number, ["; ".join([how, *notes])]
    if isinstance(error, ConfigError):
        return 2, [f"error: {line}" for line in error.lines]
    if isinstance(error, AstroError):
        return 2, [f"error: {error}"]
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return 2, [f"error: cannot write {error.filename or 'the output'}: {error.strerror}"]
    if isinstance(error, OSError) and error.filename:
        return 2, [f"error: {error.filename}: {error.strerror}"]
    what = " ".join(f"{type(error).__name__}: {error}".split())
    shown = f"astro --debug {command} ..." if command else "astro --debug"
    return 1, [f"error: unexpected {what}; `{shown}` shows where"]
