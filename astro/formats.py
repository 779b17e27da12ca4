"""The format of what a run leaves on disk: its files, its config and its journal.

Each carries the number of the format that it was written in; what carries none is of format 1.
Readers accept every format up to `FORMAT` and fill in defaults for what an older one lacks. A
change that an older release would misread, or that a newer one could not read without being told,
takes a new number.
"""

from __future__ import annotations

import re

from astro.errors import FormatError

FORMAT = 2
"""The format that this release writes."""
FIRST = 1
"""The format of what carries no number."""
_KEY = b'{"format":%d' % FORMAT
_ANY_KEY = re.compile(rb'\s*\{\s*"format"\s*:\s*(\d{1,9})\s*(?:,|(?=\}))')


def check_format(found: object, where: object) -> None:
    """Raise `FormatError`, which names `where`, if a newer release wrote it.

    A `found` that is no integer says nothing about a format.
    """
    if isinstance(found, int) and found > FORMAT:
        raise FormatError(
            f"{where} was written by a newer ASTRO (format {found}; this one reads up to {FORMAT})",
            "upgrade with pip install -U astro-reasoner",
        )


def with_format(encoded: bytes) -> bytes:
    """A JSON object with `format` as its first key. Other JSON has no keys and stays as it is.

    The key is spliced into the bytes, since a tree may be large.
    """
    if not encoded.startswith(b"{"):
        return encoded
    return _KEY + (b"}" if encoded == b"{}" else b"," + encoded[1:])


def without_format(encoded: bytes, where: object) -> bytes:
    """What `with_format` was given. Raises `FormatError`, which names `where`, if it is newer."""
    found = _ANY_KEY.match(encoded)
    if not found:
        return encoded
    check_format(int(found[1]), where)
    return b"{" + encoded[found.end() :]
