"""Runs scripts in processes of their own, which measure their own memory."""

from __future__ import annotations

import subprocess
import sys


def told_by(script: str, *arguments: str) -> str:
    """Run a Python script, and return what it prints.

    A shell starts it, because a process inherits the largest resident size (`ru_maxrss`) of the
    process that starts it on Linux, and that of a process of tests is large.
    """
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", script, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
