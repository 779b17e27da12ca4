"""Files: whole or not at all, and plain about the line that cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from astro.errors import FormatError, RunError
from astro.files import (
    check_file,
    encode_row,
    index_lines,
    read_json,
    read_line,
    read_lines,
    write_json,
    write_lines,
    write_plain_lines,
    write_whole,
)


@dataclass(frozen=True)
class Row:
    name: str
    size: int = 0


def test_lines_come_back_in_order_and_by_their_offset(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [Row("first", 1), Row("zw\u00f6lf", 12), Row("last\n", 3)]
    write_lines(path, rows)
    assert list(read_lines(path, Row)) == rows
    assert [read_line(path, offset, Row) for offset, _ in index_lines(path, Row)] == rows


@pytest.mark.parametrize("line", [b'{"size": 1}\n', b"\xff\n", b"\n", b'{"name": "cut of'])
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"name": "fine"}\n' + line)
    with pytest.raises(RunError, match=r"rows\.jsonl:2: "):
        list(read_lines(path, Row))
    with pytest.raises(RunError, match=r"rows\.jsonl, byte 17: "):
        read_line(path, 17, Row)


def test_json_of_another_shape_is_named(tmp_path: Path) -> None:
    (tmp_path / "row.json").write_text("{}")
    with pytest.raises(RunError, match=r"row\.json: .*missing required field `name`"):
        read_json(tmp_path / "row.json", Row)


def test_a_file_whose_writing_failed_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "file"
    write_whole(path, [b"old"])

    def torn() -> object:
        yield b"new"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_whole(path, torn())  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"


def test_two_processes_may_write_one_file_at_once(tmp_path: Path) -> None:
    """The other process has written half of its file when this one writes and renames its own."""
    path, script = (
        tmp_path / "file",
        """
import sys
from pathlib import Path
from astro.files import write_whole

def slow():
    yield b"half"
    print("half", flush=True)
    yield sys.stdin.readline().encode()

write_whole(Path(sys.argv[1]), slow(), shared=True)
""",
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdin and other.stdout
        assert other.stdout.readline() == "half\n"
        write_whole(path, [b"mine"], shared=True)
        assert path.read_bytes() == b"mine"
        other.stdin.write(" and half")
    assert other.returncode == 0
    assert path.read_bytes() == b"half and half"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files have no paths here")
def test_a_pipe_and_an_open_file_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    read = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, [b"some ", b"text"])
    assert os.read(read, 100) == b"some text"
    os.close(read)
    with target.open("ab") as file:
        link.symlink_to(f"/proc/self/fd/{file.fileno()}")
        file.write(b"before, ")
        file.flush()
        write_whole(link, [b"after"])
    assert target.read_bytes() == b"before, after"
    assert (pipe.is_fifo(), link.is_symlink()) == (True, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe", "target"]


def test_no_file_takes_the_number_of_a_stream_that_is_closed() -> None:
    script = """
import os, subprocess, sys
from astro.files import open_closed_streams

open_closed_streams()
subprocess.run(["echo", "lost"])
number = os.open(sys.executable, os.O_RDONLY)
print(number > 2, repr(sys.stdin.read()), file=sys.stderr)
"""
    command = ["sh", "-c", 'exec "$0" -c "$1" <&- >&-', sys.executable, script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "True ''\n")


def test_each_object_carries_its_format_first_and_is_else_as_it_was(tmp_path: Path) -> None:
    rows = [{"name": "a", "deep": {"format": 9}}, {}, [1], Row("b")]
    write_plain_lines(tmp_path / "plain", rows)
    write_lines(tmp_path / "rows", rows)
    expected = [
        '{"format":2,"name":"a","deep":{"format":9}}',
        '{"format":2}',
        "[1]",
        '{"format":2,"name":"b","size":0}',
    ]
    assert (tmp_path / "rows").read_text().splitlines() == expected
    plain = (tmp_path / "plain").read_text()
    assert plain == (tmp_path / "rows").read_text().replace('"format":2,', "").replace(
        '"format":2', ""
    )
    write_json(tmp_path / "json", {"name": "a"})
    assert (tmp_path / "json").read_text() == '{\n  "format": 2,\n  "name": "a"\n}\n'


@pytest.mark.parametrize("value", [{"name": "a", "deep": {"format": 9}}, {}, [1]])
def test_a_format_is_not_among_the_values_that_are_read(tmp_path: Path, value: object) -> None:
    write_json(tmp_path / "value", value)
    assert read_json(tmp_path / "value", object) == value
    write_lines(tmp_path / "value", [value])
    assert list(read_lines(tmp_path / "value", object)) == [value]


@pytest.mark.parametrize("line", ['{"format":3,"name":1}', ' { "format" : 3 , "name": "a"}\n'])
def test_what_a_newer_release_wrote_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(encode_row(Row("fine")) + b"\n" + line.encode())
    newer = (
        r"rows\.jsonl.* was written by a newer ASTRO \(format 3; this one reads up to 2\); upgrade"
    )
    with pytest.raises(FormatError, match=newer):
        list(read_lines(path, Row))
    check_file(path)
    path.write_text(line)
    with pytest.raises(FormatError, match=newer):
        read_json(path, Row)
    with pytest.raises(FormatError, match=newer):
        check_file(path)


@pytest.mark.parametrize("line", ['{"name":"a","format":3}', '{"format":"3","name":"a"}'])
def test_another_key_of_that_name_is_no_format(tmp_path: Path, line: str) -> None:
    (tmp_path / "rows").write_text(line)
    assert list(read_lines(tmp_path / "rows", Row)) == [Row("a")]
