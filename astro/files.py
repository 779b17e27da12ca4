"""Reading and writing files of JSON and JSON Lines. Files are written atomically.

Every JSON object that is written carries the key `format`, which readers take away again. They
raise `FormatError` for an object that a newer release wrote.
"""

from __future__ import annotations

import os
import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from astro.errors import RunError
from astro.formats import with_format, without_format

T = TypeVar("T")
encode = msgspec.json.Encoder().encode
_HEAD = 100
"""Bytes in which a `format` is found."""
_STDERR = 2
_OPEN_FILES = "/proc"
"""Where links to the open files of a process point, such as /dev/stdout."""


def open_closed_streams() -> None:
    """Open the null device in place of each standard stream that is closed.

    Otherwise the next file that is opened would take its number, and what a child process prints
    would be written into that file.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - it stays open


def write_whole(path: Path, chunks: Iterable[bytes], *, shared: bool = False) -> None:
    """Write `path` atomically: write a temporary file beside it, sync it to disk, and rename it.

    The temporary file has one name, so that a process that was killed leaves no more than one. If
    the path is `shared`, other processes may write it at the same time; the last one stays.
    A device, a pipe and an open file such as /dev/stdout are not replaced but written to.
    """
    if _is_stream(path):
        with path.open("ab") as stream:
            stream.writelines(chunks)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    own = f".{os.getpid()}" if shared else ""
    temporary = path.with_name(f".{path.name}{own}.tmp")
    with temporary.open("wb") as file:
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _is_stream(path: Path) -> bool:
    if path.is_symlink() and path.readlink().is_relative_to(_OPEN_FILES):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def encode_row(row: Any) -> bytes:
    """A row of JSON Lines, without the newline. It carries its format if it is an object."""
    return with_format(encode(row))


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write `rows` as JSON Lines, atomically."""
    write_whole(path, line_chunks(rows))


def line_chunks(rows: Iterable[Any]) -> Iterator[bytes]:
    """The lines of `rows` as JSON Lines."""
    return (encode_row(row) + b"\n" for row in rows)


def write_plain_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write `rows` as `write_lines` does, for another program: without their format."""
    write_whole(path, (encode(row) + b"\n" for row in rows))


def write_json(path: Path, value: Any) -> None:
    """Write an indented JSON file, atomically."""
    write_whole(path, json_chunks(value))


def json_chunks(value: Any) -> list[bytes]:
    """The content of an indented JSON file."""
    return [msgspec.json.format(encode_row(value), indent=2), b"\n"]


def read_lines(path: Path, row: type[T]) -> Iterator[T]:
    """Read JSON Lines as values of type `row`.

    Raises:
        RunError: A line is not valid; the message has its number.
    """
    return (value for _, value in index_lines(path, row))


def index_lines(path: Path, row: type[T]) -> Iterator[tuple[int, T]]:
    """Read JSON Lines as `read_lines` does, each with its byte offset for `read_line`."""
    return ((offset, decode(line, row, where)) for where, offset, line in raw_lines(path))


def raw_lines(path: Path) -> Iterator[tuple[str, int, bytes]]:
    """(place for messages, byte offset, line) of each line, without a byte order mark."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield f"{path}:{number}", offset, line.removeprefix(BOM_UTF8)
            offset += len(line)


def read_line(path: Path, offset: int, row: type[T]) -> T:
    """The value of type `row` in the line that starts at byte `offset`.

    Raises:
        RunError: The line is not valid.
    """
    with path.open("rb") as file:
        file.seek(offset)
        return decode(file.readline(), row, f"{path}, byte {offset}")


def read_json(path: Path, shape: type[T]) -> T:
    """Read a JSON file as a value of type `shape`.

    Raises:
        RunError: The file does not hold such a value.
    """
    return decode(path.read_bytes(), shape, str(path))


def check_file(path: Path) -> None:
    """Raise `FormatError` if a newer release wrote the file, as far as its beginning says so."""
    with path.open("rb") as file:
        without_format(file.read(_HEAD), path)


def decode(content: bytes, shape: type[T], where: str) -> T:
    """Read a JSON value of type `shape`, without its format.

    Raises:
        RunError: The content is not such a value; the message begins with `where`.
    """
    try:
        return msgspec.json.decode(without_format(content, where), type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(f"{where}: {error}") from None
