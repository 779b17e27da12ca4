"""The journal of a run, in SQLite: every reply is recorded before its program continues.

The journal is the checkpoint of a run: a program is run again on the recorded replies, and then
continues with new requests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zlib import compress, crc32, decompress, error

import msgspec

from astro.engine.digest import digest, digest_1
from astro.errors import JournalError, RunError
from astro.formats import FIRST, FORMAT, check_format
from astro.requests import BudgetExhausted, Generate, LogProb, Request, Score, Verify
from astro.types import Completion, Status, Verdict

_PAGE = 2048
"""Bytes of a page. A commit writes a page of the index for every task of which it has a row, so it
writes less if pages are smaller than SQLite's default of 4096."""
_CHECKPOINT_PAGES = 20_000
"""Pages between two checkpoints of the write-ahead log, about 40 MB. Each checkpoint waits for the
disk."""
# `replies` has rowids, so rows appended together are adjacent and a commit writes few pages.
_SCHEMA = """
create table if not exists replies (
    task text not null, number integer not null, digest integer not null, payload blob,
    checksum integer, primary key (task, number));
create table if not exists outcomes (
    task text primary key, result blob, failure text not null, tokens integer not null,
    checksum integer
) without rowid;
"""
_WITH_PREFIX = "task >= ? and task < ?"
_encode = msgspec.msgpack.Encoder().encode
_decoders: MappingProxyType[type, Callable[[bytes], Any]] = MappingProxyType(
    {
        Generate: msgspec.msgpack.Decoder(list[Completion]).decode,
        LogProb: msgspec.msgpack.Decoder(list[tuple[float, ...]]).decode,
        Score: msgspec.msgpack.Decoder(tuple[float, ...]).decode,
        Verify: msgspec.msgpack.Decoder(Verdict).decode,
    }
)

Digest = Callable[[Sequence[Request]], int]
Replies = list[Any] | BudgetExhausted | None
"""The replies to a batch, or what came back before the program's budget was spent: None if nothing.
"""
_SPENT = b""
"""The last element of a batch during which the budget was spent."""
_PACKED = b"\xc1"
"""The first byte of a compressed value. Neither MessagePack nor UTF-8 uses it."""
_PACKED_FROM = 1024
"""The number of bytes from which a value is compressed. Smaller ones gain little."""
_UNASKED = _encode(None)
"""The reply to a request that was not sent because the budget was spent."""


class JournalReader:
    """Replies and outcomes by task key, of a journal to which another process may write.

    The file is opened for reading alone. What is read is what was committed by the first read.

    Attributes:
        is_new: Whether its writer has only just made the file, so that nothing can be read yet.

    Raises:
        JournalError: The file is not a valid journal.
        FormatError: A newer release wrote the file.
        RunError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # SQLite would make files beside a closed journal unless it is told that nobody writes.
        at_rest = not path.with_name(f"{path.name}-wal").exists()
        uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if at_rest else ''}"
        with self._guard():
            self._db = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._db.isolation_level = None
            self._db.execute("begin")
            (found,) = self._db.execute("pragma user_version").fetchone()
            check_format(found, path)
            self._digest = digest if found > FIRST else digest_1
            columns = self._columns("replies")
        self._sealed = "checksum" in columns
        self.is_new = not columns

    def _columns(self, table: str) -> set[str]:
        return {column[1] for column in self._db.execute(f"pragma table_info({table})")}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _rows(self, table: str, where: str, keys: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """As `_packed_rows`, with every value unpacked."""
        for row in self._packed_rows(table, where, keys):
            yield tuple(map(self._unpacked, row))

    def _packed_rows(
        self, table: str, where: str, keys: Sequence[Any]
    ) -> Iterator[tuple[Any, ...]]:
        """The rows of a table without their checksums, which are compared. Raises `JournalError`.

        A row of an older release has none.
        """
        for row in self._db.execute(f"select * from {table} where {where}", keys):
            values = row[:-1] if self._sealed else row
            if self._sealed and row[-1] not in (None, _checksum(values)):
                raise _corrupt(self._path, f"a row of {row[0]!r:.60} has another checksum")
            yield values

    def _unpacked(self, value: Any) -> Any:
        if not isinstance(value, bytes) or value[:1] != _PACKED:
            return value
        try:
            return decompress(value[1:])
        except error as why:
            raise _corrupt(self._path, why) from None

    def batches(self, prefix: str) -> int:
        """The number of batches of replies of the tasks whose key starts with `prefix`."""
        with self._guard():
            query = f"select count(*) from replies where {_WITH_PREFIX}"
            (found,) = self._db.execute(query, _range(prefix)).fetchone()
        return int(found)

    def answered(self, prefix: str, after: int = 0) -> Iterator[tuple[int, str, int]]:
        """(row, task, number) of every batch of the tasks whose key starts with `prefix`.

        They come in the order in which they were recorded, from the row after `after`.
        """
        # The unary plus lets SQLite go through the rows in their order.
        where = "rowid > ? and +task >= ? and +task < ? order by rowid"
        with self._guard():
            yield from self._db.execute(
                f"select rowid, task, number from replies where {where}", (after, *_range(prefix))
            )

    def recorded(self, task: str) -> Recording:
        """The recorded replies of a task, with which its program is run again."""
        with self._guard():
            rows = list(self._rows("replies", "task = ? order by number", (task,)))
        if [number for _, number, _, _ in rows] != list(range(len(rows))):
            raise _corrupt(self._path, f"replies of {task!r:.60} are missing")
        batches = [(digest, payload) for _, _, digest, payload in rows]
        return Recording(str(self._path), task, batches, self._digest)

    def outcomes(self, prefix: str) -> Iterator[tuple[str, str, int]]:
        """(task, failure, tokens) of every finished task whose key starts with `prefix`."""
        with self._guard():
            rows = self._packed_rows("outcomes", _WITH_PREFIX, _range(prefix))
            for task, _, failure, tokens in rows:
                yield task, failure, tokens

    def outcome(self, task: str) -> tuple[str, int] | None:
        """(failure, tokens) of a task, or None if it is not finished."""
        with self._guard():
            row = next(self._packed_rows("outcomes", "task = ?", (task,)), None)
        return (row[2], row[3]) if row else None

    def result(self, task: str) -> bytes | None:
        """The result of a task, or None if it failed or is not finished."""
        with self._guard():
            row = next(self._rows("outcomes", "task = ?", (task,)), None)
        return row[1] if row else None

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise RunError(f"{self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise _corrupt(self._path, error) from error


class Journal(JournalReader):
    """Replies and outcomes by task key. Appended rows become durable together, at `commit`.

    If `on_commit` is set, it is called then with the keys of their tasks.

    A journal of an older format keeps its format, so that its run ends as it would have.

    Raises:
        JournalError: The file is not a valid journal.
        FormatError: A newer release wrote the file.
        RunError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._appended: list[tuple[str, int, int, bytes | None]] = []
        self.on_commit: Callable[[Sequence[str]], None] | None = None
        with self._guard():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._digest = digest_1 if self._format() == FIRST else digest
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            self._db.execute(f"pragma wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            self._db.executescript(_SCHEMA)
            self._sealed = all(self._has_checksums(table) for table in ("replies", "outcomes"))
            (verdict,) = self._db.execute("pragma quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)

    def _format(self) -> int:
        """The file's format, which is the current one if there is nothing in it yet."""
        (tables,) = self._db.execute("select count(*) from sqlite_schema").fetchone()
        if not tables:
            self._db.execute(f"pragma page_size = {_PAGE}")
            self._db.execute(f"pragma user_version = {FORMAT}")
        (found,) = self._db.execute("pragma user_version").fetchone()
        check_format(found, self._path)
        return found or FIRST

    def _has_checksums(self, table: str) -> bool:
        """Whether a table has checksums. One of the current format is given the column."""
        columns = self._columns(table)
        if "checksum" not in columns and self._digest is digest:
            self._db.execute(f"alter table {table} add column checksum integer")
            return True
        return "checksum" in columns

    def close(self) -> None:
        """Commit what was appended, and close the file."""
        self.commit()
        self._db.close()

    def append(self, task: str, number: int, requests: Sequence[Request], replies: Replies) -> None:
        """Record the replies to a program's batch `number`."""
        payload = _payload(replies)
        self._appended.append((task, number, self._digest(requests), payload))

    def commit(self) -> None:
        """Make all appended rows durable."""
        rows, self._appended = self._appended, []
        if rows:
            with self._guard():
                if self._db.in_transaction:  # Ctrl-C may have come before the end of the last one
                    self._db.execute("rollback")
                self._db.execute("begin")
                self._insert("insert into replies", rows)
                self._db.execute("commit")
            if self.on_commit:
                self.on_commit([task for task, *_ in rows])

    def _insert(self, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, compressed and with their checksums unless the journal is of format 1."""
        if self._sealed:
            packed = [[_packed(v) if isinstance(v, bytes) else v for v in row] for row in rows]
            rows = [(*row, _checksum(row)) for row in packed]
        marks = ", ".join("?" * len(rows[0]))
        self._db.executemany(f"{into} values ({marks})", rows)

    def holds(self, prefix: str) -> bool:
        """Whether a reply or a result was recorded of a task whose key starts with `prefix`."""
        with self._guard():
            return any(
                self._db.execute(
                    f"select 1 from {rows} and {_WITH_PREFIX}", _range(prefix)
                ).fetchone()
                for rows in ("replies where true", "outcomes where result is not null")
            )

    def recorded(self, task: str) -> Recording:
        """As `JournalReader.recorded`, with what was appended."""
        self.commit()
        return super().recorded(task)

    def finish(self, task: str, result: bytes | None, failure: str = "", tokens: int = 0) -> None:
        """Record the outcome of a task."""
        with self._guard():
            self._insert("insert or replace into outcomes", [(task, result, failure, tokens)])

    def forget_faults(self, prefix: str) -> None:
        """Delete the faulty verdicts of the tasks whose key starts with `prefix`.

        Everything that followed from them is deleted too, and is done again on resuming.
        """
        self.commit()
        with self._guard():
            rows = self._rows("replies", _WITH_PREFIX, _range(prefix))
            faults = [(task, number) for task, number, _, payload in rows if _has_fault(payload)]
            self._db.execute("begin")
            self._db.executemany("delete from replies where task = ? and number >= ?", faults)
            self._db.executemany("delete from outcomes where task = ?", [(t,) for t, _ in faults])
            self._db.execute("commit")

    def forget(self, prefix: str) -> None:
        """Delete all that was recorded of the tasks whose key starts with `prefix`."""
        self.commit()
        with self._guard():
            self._db.execute("begin")
            for table in ("replies", "outcomes"):
                self._db.execute(f"delete from {table} where {_WITH_PREFIX}", _range(prefix))
            self._db.execute("commit")


def _corrupt(path: object, why: object) -> JournalError:
    return JournalError(
        f"{path} is corrupt ({' '.join(str(why).split())})",
        "move it away, or start over with --fresh",
    )


def _packed(value: bytes) -> bytes:
    """A value, compressed if it is long. Replies shrink to a quarter at the fastest level."""
    return _PACKED + compress(value, 1) if len(value) >= _PACKED_FROM else value


def _checksum(row: Sequence[Any]) -> int:
    """CRC-32 of the values of a row, each with its length."""
    parts = [part if isinstance(part, bytes) else repr(part).encode() for part in row]
    return crc32(b"".join([b"%d:%b" % (len(part), part) for part in parts]))


def _range(prefix: str) -> tuple[str, str]:
    """The least and the greatest key that starts with `prefix`, for `_WITH_PREFIX`."""
    return prefix, prefix + "\U0010ffff"


class Recording:
    """The recorded batches of one task, read in order."""

    def __init__(
        self, path: str, task: str, rows: list[tuple[int, bytes | None]], digest: Digest
    ) -> None:
        self._path = path
        self._task = task
        self._rows = rows
        self._digest = digest

    def __len__(self) -> int:
        return len(self._rows)

    def replies(self, number: int, requests: Sequence[Request]) -> Replies:
        """The replies to batch `number`.

        Raises `JournalError` if other requests were recorded there.
        """
        digest, payload = self._rows[number]
        if digest != self._digest(requests):
            raise JournalError(
                f"{self._path}: {self._task} made other requests when it was recorded",
                "the code or the model has changed since; start over with --fresh",
            )
        if payload is None:
            return None
        try:
            blobs = msgspec.msgpack.decode(payload, type=list[bytes])
            spent = blobs[-1:] == [_SPENT]
            replies = [
                None if blob == _UNASKED else _decoders[type(request)](blob)
                for request, blob in zip(requests, blobs[:-1] if spent else blobs, strict=True)
            ]
            return BudgetExhausted(replies) if spent else replies
        except (msgspec.MsgspecError, ValueError) as error:
            raise _corrupt(self._path, error) from error


def _payload(replies: Replies) -> bytes | None:
    """The replies in MessagePack, with `_SPENT` after them if the budget was spent."""
    if isinstance(replies, list):
        return _encode([_encode(reply) for reply in replies])
    blobs = [_encode(reply) for reply in replies.replies] if replies else []
    return _encode([*blobs, _SPENT]) if blobs else None


def _has_fault(payload: bytes | None) -> bool:
    """Whether a verdict among a batch's replies is a fault."""
    blobs = msgspec.msgpack.decode(payload, type=list[bytes]) if payload else []
    replies = [msgspec.msgpack.decode(blob) for blob in blobs if blob != _SPENT]
    return any(isinstance(r, dict) and Status(r["status"]).fault for r in replies)
