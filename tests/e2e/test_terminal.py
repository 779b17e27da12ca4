"""What reaches a terminal byte by byte: a pseudo-terminal that interprets nothing."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import yaml
from rich.cells import cell_len

HOSTILE = (
    "\x1b]0;title\x07\x1b[2J\x9b31m\x1bP1$q\x1b\\ 4\b2 \u202eevil\u2066 a\rb \x0b \u2028 [red]x[/] "
    "می\u200cخواهم 👨\u200d👩\u200d👧 श्रीमान \u3164 ❤\ufe0f 求"  # noqa: RUF001 - Persian
)
OWN_SEQUENCES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
"""The CSI sequences with which rich colors text and moves the cursor."""
SCREENS = [
    {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
    {"COLUMNS": "20", "PYTHONIOENCODING": "utf-8"},
    {"COLUMNS": "80", "PYTHONIOENCODING": "ascii"},
    {"COLUMNS": "60", "PYTHONIOENCODING": "latin-1"},
    {"COLUMNS": "80", "TERM": "dumb"},
]


def on_terminal(screen: dict[str, str], *arguments: str, cwd: Path) -> tuple[int, bytes]:
    """The exit code of a command, and all bytes it wrote to a terminal of this kind."""
    master, slave = pty.openpty()
    size = struct.pack("HHHH", 24, int(screen.get("COLUMNS", "80")), 0, 0)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    environment = {**os.environ, "TERM": "xterm-256color", "OMP_NUM_THREADS": "1", **screen}
    command = [sys.executable, "-m", "astro", *arguments]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=environment
    )
    os.close(slave)
    written = b""
    try:
        while chunk := os.read(master, 65536):
            written += chunk
    except OSError:  # Linux reports the end of a pseudo-terminal as an input/output error.
        pass
    os.close(master)
    return process.wait(), written


def assert_harmless(written: bytes, encoding: str = "utf-8") -> str:
    """Check that only rich's own control sequences are in it. Returns the text without them."""
    shown = OWN_SEQUENCES.sub(b"", written)
    text = shown.decode(encoding)
    assert not set(text) & set("\x00\x07\x08\x0b\x1b\x9b\u202e\u2066\u2028")
    assert b"\x1b[2J" not in written
    return text.replace("\r\n", "\n")


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A search and an evaluation by a scripted policy whose every text is hostile."""
    problems = [{"id": f"p{i}", "prompt": HOSTILE, "answer": "4"} for i in range(3)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in problems))
    raw = {
        "name": "hostile",
        "problems": {
            "name": "jsonl",
            "params": {"test": "problems.jsonl", "train": "problems.jsonl"},
        },
        "decontaminate": False,
        "policy": {
            "name": "scripted",
            "params": {"lines": [HOSTILE.replace("\r", "\x00") + "\n"], "answers": ["answer: 4\n"]},
        },
        "verifier": {"name": "exact"},
        "search": {"name": "mcts", "params": {"expand": 2, "iterations": 4, "max_depth": 3}},
        "linearizer": {"name": "backtrack"},
        "evaluate": {"samples": 2},
    }
    (tmp_path / "hostile.yaml").write_text(yaml.safe_dump(raw))
    return "hostile.yaml"


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: "-".join(screen.values()))
def test_an_answer_is_judged_alike_on_every_terminal(
    screen: dict[str, str], tmp_path: Path
) -> None:
    """A terminal that cannot show the answer does not change its verdict."""
    code, written = on_terminal(
        screen, "verify", "--verifier", "exact", HOSTILE, rf"\boxed{{{HOSTILE}}}", cwd=tmp_path
    )
    assert_harmless(written, screen.get("PYTHONIOENCODING", "utf-8"))
    assert code == 0, written


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: "-".join(screen.values()))
def test_a_run_shows_hostile_text_and_nothing_of_it_acts(
    screen: dict[str, str], tmp_path: Path, config: str
) -> None:
    code, written = on_terminal(screen, "run", config, cwd=tmp_path)
    text = assert_harmless(written, screen.get("PYTHONIOENCODING", "utf-8"))
    assert code == 0, text
    report = (tmp_path / "runs/hostile/report.md").read_text(encoding="utf-8")
    assert not set(report) & set("\x00\x07\x08\x0b\x1b\x9b\u202e\u2066\u2028\r")
    assert "4␈2" in report


def test_no_border_stands_right_of_foreign_text(tmp_path: Path, config: str) -> None:
    _, written = on_terminal(SCREENS[0], "solve", config, "p0", cwd=tmp_path)
    text = assert_harmless(written)
    body = [line for line in text.splitlines() if "श्रीमान" in line]
    assert body
    assert all(line.rstrip()[-1] not in "│|┃" for line in body)
    assert all(cell_len(line.rstrip()) <= 80 for line in body)


def test_errors_quote_names_without_their_control_characters(tmp_path: Path) -> None:
    for arguments in (
        ["config", "check", "a\x1b]0;title\x07.yaml"],
        ["--debug", "config", "check", "x\nerror: all lost\x1b[2J.yaml"],
        ["verify", "1", "2", "--metadata", "\x1b]0;t\x07"],
        ["solve", "\u202ea", "b", "\x1b[2J"],
    ):
        code, written = on_terminal(SCREENS[0], *arguments, cwd=tmp_path)
        assert_harmless(written)
        assert code == 2
        assert b"\nerror: all lost" not in written
