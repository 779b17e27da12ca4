"""The words of an answer without LaTeX markup."""

from __future__ import annotations

import re
import unicodedata

_TEXT = r"\\(?:text(?:bf|it|rm|normal|sf|up)?|[mh]box|math(?:rm|bf|it|sf)|operatorname)\b\*?"
_MARKED = re.compile(_TEXT)
_SILENT = re.compile(_TEXT + r"|\\(?:left|right|displaystyle)\b|\\!|\*\*|[${}]|\\[()\[\]]")
_SPACE = re.compile(r"\\(?:q?quad)\b|\\[,;:> ]|[~\s]")
_EDGES = " ,;:`\"'"


def is_marked(text: str) -> bool:
    r"""Whether part of `text` is marked up as text, as in `\text{even}`."""
    return _MARKED.search(text) is not None


def plain_words(text: str) -> str:
    """Remove text markup, braces and dollars, and collapse spaces; mathematics may remain."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    plain = _SPACE.sub(" ", _SILENT.sub("", plain))
    return " ".join(plain.split()).lstrip(_EDGES).rstrip(_EDGES + ".")
