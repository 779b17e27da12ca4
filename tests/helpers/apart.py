"""Scripts in a process of their own, whose use of memory is told by themselves."""

from __future__ import annotations

import subprocess
import sys


def told_by(script: str, *arguments: str) -> str:
    """Run a Python script, and return what it prints.

    A shell starts it. Linux counts the memory of the process that starts another one as the
    other's largest resident size (`ru_maxrss`), and that of a process of tests is large.
    """
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", script, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
