"""Text that came from a model, a file or a plugin: safe on a terminal, and in a template."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_UNSAFE = {"Cc", "Cf", "Cs"}  # controls (escape sequences start so), bidi overrides, surrogates


def plain(text: str) -> str:
    """`text` without control characters, other than newline and tab."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _UNSAFE)


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with each `{key}` of `values` replaced at once: no value is read as one."""
    keys = "|".join(map(re.escape, values))
    return re.sub(rf"\{{({keys})\}}", lambda found: values[found[1]], template)
