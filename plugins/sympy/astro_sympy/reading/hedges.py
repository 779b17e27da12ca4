"""Words that retract an answer or leave it open."""

from __future__ import annotations

import re

_MAX_CHARACTERS = 4000
_HEDGE = re.compile(
    r"\b(?:not|never|neither|nor|maybe|perhaps|probably|possibly|presumably|could|might|guess|unsure"
    r"|unless|unknown|wrong|incorrect|cannot|\w+n['\u2019]t|except|excluding|instead of"
    r"|at least|at most|up to|(?:less|more|greater|fewer|bigger|smaller|other|rather) than"
    r"|any(?:thing)? but|any number|or (?:so|more|less|fewer|else)"
    r"|such as|e\.g|for (?:example|instance))\b"
)


_BEFORE = re.compile(
    r"(?:\b(?:not|never|maybe|perhaps|cannot)|n['\u2019]t|\\neq?|\\not\s*=|\u2260)"
    r"(?:[\s$({\[]|\\[(\[]|\b(?:be|equal|to)\b)*$"
)
_AFTER = re.compile(
    r"(?:[\s$)}\].,]|\\[)\]])*(?:is|was) (?:wrong|incorrect|not (?:right|correct|it|the))\b"
)
_REACH = 32


def hedges(text: str) -> set[str]:
    """Return the words in `text` that retract an answer or leave it open: `not`, `at least`."""
    return set(_HEDGE.findall(text[:_MAX_CHARACTERS].lower()))


def denied(text: str, start: int, end: int) -> bool:
    """Whether the words directly before or after `text[start:end]` retract it."""
    before = text[max(0, start - _REACH) : start].lower()
    return _BEFORE.search(before) is not None or _AFTER.match(text, end, end + _REACH) is not None
