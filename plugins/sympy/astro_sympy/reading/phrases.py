"""Words beside mathematics: restrictions, filler, and words that stand for a symbol."""

from __future__ import annotations

import re

MAX_WORDS = 6
_SYMBOLS = (
    (re.compile(r"infinit(?:y|e|ely many)(?: solutions)?", re.I), "oo"),
    (re.compile(r"all real(?:s| numbers)|the real numbers", re.I), "RR"),
    (re.compile(r"(?:all|the) integers", re.I), "ZZ"),
    (
        re.compile(r"(?:there (?:is|are) )?no (?:real )?(?:solutions?|roots?)(?: exists?)?", re.I),
        "emptyset",
    ),
    (re.compile(r"none|(?:the )?empty(?: set)?", re.I), "emptyset"),
)
_CONDITION = re.compile(
    r"[\s,(]*(?:for|where|with|when|if|such that|provided|as long as|in (?:the|interval)|given)\b",
    re.I,
)
_DENIAL = re.compile(
    r"\b(?:no|not|never|none|nor|neither|except|without|wrong|false|incorrect|impossible|maybe|perhaps"
    r"|either|or|to|a\.?m|p\.?m|undefined|nan|less|more|least|most|over|under|than|between"
    r"|almost|nearly|ish|otherwise|else)\b|n't|\d",
    re.I,
)
_WORD = re.compile(r"[a-z]+(?:'s)?|[.,;:()/\-\s]+|[^\x00-\x7f]", re.I)


def is_condition(text: str) -> bool:
    """Whether the words begin a restriction, as `for all` and `where` do."""
    return _CONDITION.match(text) is not None


def is_filler(text: str) -> bool:
    """Whether the words beside a value do not change it, as `square units` and `ways` do not."""
    return (
        len(text.split()) <= MAX_WORDS
        and _DENIAL.search(text) is None
        and "".join(_WORD.findall(text)) == text
    )


def symbol_for(text: str) -> str | None:
    """Return the symbol that words stand for, as `no solution` for the empty set; else None."""
    return next((name for pattern, name in _SYMBOLS if pattern.fullmatch(text)), None)
