"""Files: whole or not at all, and plain about the line that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from astro.errors import RunError
from astro.files import index_lines, read_json, read_line, read_lines, write_lines, write_whole


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
