"""Making text from models, files and plugins safe to print on a terminal."""

from __future__ import annotations

import unicodedata

# Control characters, which start escape sequences; format characters, such as bidi overrides; and
# surrogates.
_UNSAFE = {"Cc", "Cf", "Cs"}


def plain(text: str) -> str:
    """`text` without control characters except newline and tab."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _UNSAFE)
