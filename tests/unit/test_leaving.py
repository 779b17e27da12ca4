"""What is said of an error that ends a command, and the exit code."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from astro.errors import ConfigError, RunError
from astro.interruption import Terminated
from astro.leaving import leaving

FULL = Path("/dev/full")


def noted(error: KeyboardInterrupt, note: str) -> KeyboardInterrupt:
    error.add_note(note)
    return error


@pytest.mark.parametrize(
    ("error", "command", "code", "lines"),
    [
        (ConfigError(["a", "b"], "x.yaml"), "run", 2, ["error: x.yaml: a", "error: x.yaml: b"]),
        (RunError("no", "do"), "run", 2, ["error: no; do"]),
        (OSError(errno.ENOSPC, "full"), "show", 2, ["error: cannot write the output: full"]),
        (OSError(errno.EIO, "lost", "f"), "run", 2, ["error: cannot write f: lost"]),
        (IsADirectoryError(errno.EISDIR, "is one", "f"), "show", 2, ["error: f: is one"]),
        (
            ZeroDivisionError("a\nb"),
            "plan",
            1,
            ["error: unexpected ZeroDivisionError: a b; `astro --debug plan ...` shows where"],
        ),
        (noted(KeyboardInterrupt(), "nothing is saved"), "solve", 130, None),
        (noted(Terminated(), "nothing is saved"), "solve", 143, None),
    ],
)
def test_it_is_one_line_for_each_problem(
    error: BaseException, command: str, code: int, lines: list[str] | None
) -> None:
    word = "terminated" if code == 143 else "interrupted"
    assert leaving(error, command) == (code, lines or [f"{word}; nothing is saved"])


@pytest.mark.parametrize("command", ["run", "compare", "rl", "evaluate", "doctor"])
def test_only_what_works_on_a_run_resumes_it(command: str) -> None:
    how = "; the same command, without --fresh, resumes a run" if command != "doctor" else ""
    assert leaving(KeyboardInterrupt(), command) == (130, [f"interrupted{how}"])


@pytest.mark.skipif(not FULL.is_char_device(), reason="no device stands for a full disk")
@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("verify", "1", "1"), ("plan", "-h")]
)
def test_an_output_that_is_full_is_one_line(arguments: tuple[str, ...]) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "astro", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == "error: cannot write the output: No space left on device\n"
    assert done.returncode == 2
