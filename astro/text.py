"""Text that came from a model, a file or a plugin, made safe to show on a terminal."""

from __future__ import annotations

import unicodedata

_UNSAFE = {"Cc", "Cf", "Cs"}  # controls (escape sequences start so), bidi overrides, surrogates


def plain(text: str) -> str:
    """`text` without control characters, other than newline and tab."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _UNSAFE)
