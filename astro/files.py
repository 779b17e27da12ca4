"""Files that are there whole or not at all, and the JSON lines in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from astro.errors import RunError

T = TypeVar("T")
encode = msgspec.json.Encoder().encode


def write_whole(path: Path, chunks: Iterable[bytes]) -> None:
    """Write to a temporary file beside `path`, make it durable, and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def copy_whole(source: Path, path: Path) -> None:
    """Copy a file, whole. Raises `OSError`."""
    with source.open("rb") as lines:
        write_whole(path, lines)


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write `rows` as JSON Lines, whole."""
    write_whole(path, (encode(row) + b"\n" for row in rows))


def write_json(path: Path, value: Any) -> None:
    """Write an indented JSON file, whole."""
    write_whole(path, [msgspec.json.format(encode(value), indent=2), b"\n"])


def read_lines(path: Path, row: type[T]) -> Iterator[T]:
    """Read JSON Lines as values of type `row`. Raises `RunError` with the line's number."""
    return (value for _, value in index_lines(path, row))


def index_lines(path: Path, row: type[T]) -> Iterator[tuple[int, T]]:
    """`read_lines`, each with the offset in bytes at which `read_line` finds it again."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield offset, _decode(line, row, f"{path}:{number}")
            offset += len(line)


def read_line(path: Path, offset: int, row: type[T]) -> T:
    """The value of type `row` in the line at `offset`. Raises `RunError`."""
    with path.open("rb") as file:
        file.seek(offset)
        return _decode(file.readline(), row, f"{path}, byte {offset}")


def read_json(path: Path, shape: type[T]) -> T:
    """Read a JSON file as a value of type `shape`. Raises `RunError`."""
    return _decode(path.read_bytes(), shape, str(path))


def _decode(content: bytes, shape: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RunError(f"{where}: {error}") from None
