"""Making text from models, files and plugins safe to show on a terminal and in Markdown."""

from __future__ import annotations

import html
import re
import unicodedata

_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that show nothing or turn the direction of text. Joiners are not among them: words
of Persian and Hindi, and many emoji, are written with them."""
_UNSAFE = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff{_INVISIBLE}]")
_MARKS = 4
"""Combining marks that are shown on one letter; no script needs more."""
_MARKDOWN = re.compile(r"[\\`*{}\[\]~$|]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What means something in a line of Markdown, the ends of links without brackets included."""
_SHOWN_CHARS = 4000


def plain(text: str) -> str:
    r"""Return `text` with a visible stand-in for each character that could steer what shows it.

    Control characters become their pictures, such as U+241B for escape, other unsafe characters
    their escapes, such as `\u202e`. Each kind of line end becomes a newline; tabs stay. At most
    four combining marks are left on a letter; `…` stands for the others.
    """
    if text.isascii() and text.isprintable():
        return text
    return _with_few_marks(_UNSAFE.sub(_stand_in, _LINE_END.sub("\n", text)))


def after_thoughts(response: str) -> str:
    """Return what a response says after its thoughts, which stand between <think> and </think>.

    It is empty if they never end.
    """
    return response.rpartition("</think>")[2].partition("<think>")[0]


def without_unsafe(text: str) -> str:
    """Return `text` without its unsafe characters and joiners, for text that is to be searched."""
    return _UNSAFE.sub("", _LINE_END.sub("\n", text)).translate({0x200C: None, 0x200D: None})


def one_line(text: str) -> str:
    """Return `text` as `plain` does, with a blank for each line end and tab."""
    return plain(text).replace("\n", " ").replace("\t", " ")


def markdown(text: str) -> str:
    """Return `text` so that Markdown shows it in one line as it is, without markup or links."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", one_line(text).strip())
    return html.escape(escaped, quote=False)


def head_and_tail(text: str, where: str, limit: int = _SHOWN_CHARS) -> str:
    """Return `text` with its middle left out if it is long; `where` names the whole of it."""
    left_out = len(text) - limit
    if left_out <= 0:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {left_out:,} characters more, in {where} …\n{text[-half:]}"


def _stand_in(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return match[0].encode("ascii", "backslashreplace").decode()


def _with_few_marks(text: str) -> str:
    if text.isascii():
        return text
    kept, marks = list[str](), 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= _MARKS:
            kept.append(character)
        elif marks == _MARKS + 1:
            kept.append("…")
    return "".join(kept)
