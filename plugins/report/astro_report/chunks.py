"""Documents as the page holds them: in the file itself, or in chunks beside it."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from astro_report.documents import CHUNK_BYTES, PER_CHUNK

PLAIN_BYTES = 2_000
"""The size up to which a document is embedded without compression."""
EMBEDDED_BYTES = 8_000_000
"""The size of all documents up to which they are all embedded in the page."""
_ESCAPES = {
    b"<": rb"\u003c",
    b">": rb"\u003e",
    b"&": rb"\u0026",
    "\u2028".encode(): rb"\u2028",
    "\u2029".encode(): rb"\u2029",
}


def json_bytes(document: Any) -> bytes:
    """A document as JSON."""
    return msgspec.json.encode(document)


def escaped(content: bytes) -> bytes:
    """JSON in which nothing can end the element of HTML that holds it.

    The characters that are escaped occur in strings only.
    """
    for character, escape in _ESCAPES.items():
        content = content.replace(character, escape)
    return content


def packed(content: bytes) -> str:
    """Bytes as base64 of gzip. The same bytes always give the same text."""
    return b64encode(gzip.compress(content, 6, mtime=0)).decode("ascii")


@dataclass(frozen=True, slots=True)
class Embedded:
    """A document in the page: its content, and whether that is `packed`."""

    name: str
    content: str
    compressed: bool


def embedded(name: str, content: bytes) -> Embedded:
    """The JSON of a document as the page holds it, compressed unless it is small."""
    if len(content) <= PLAIN_BYTES:
        return Embedded(name, escaped(content).decode(), compressed=False)
    return Embedded(name, packed(content), compressed=True)


def script(name: str, content: str) -> bytes:
    """The classic script that gives the page a packed document."""
    quoted = escaped(json_bytes(name)).decode()
    return f'astroDocument({quoted}, "{content}")\n'.encode()


@dataclass(slots=True)
class Chunks:
    """Gathers entries of one kind, such as trees, into chunks of bounded size.

    Attributes:
        store: Receives the number and the JSON of each chunk.
    """

    store: Callable[[int, bytes], None]
    _number: int = 0
    _size: int = 0
    _entries: list[bytes] = field(default_factory=list)

    def add(self, entry: Any) -> int:
        """Add an entry, and return the number of its chunk."""
        content = json_bytes(entry)
        full = len(self._entries) >= PER_CHUNK or self._size + len(content) > CHUNK_BYTES
        if self._entries and full:
            self.close()
            self._number += 1
        self._entries.append(content)
        self._size += len(content)
        return self._number

    def close(self) -> None:
        """Store the last chunk, if there is one."""
        if self._entries:
            self.store(self._number, b"[" + b",".join(self._entries) + b"]")
        self._entries, self._size = [], 0
