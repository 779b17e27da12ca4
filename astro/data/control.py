"""Control tokens: special tokens that end a response in which a model samples them.

Special tokens have no text, so a response that went on after one would read as if it were not
there. Those that mark the thoughts or channels of one response do not end it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_WITHIN = re.compile(r"think|thought|reason|channel|message|constrain|response", re.IGNORECASE)
"""Names of tokens that mark the parts of one response."""
_PARTS = re.compile(r"<\|(?:start|end)\|>")
"""Tokens around the parts of a response, where these have channels."""
_HIDDEN = re.compile(r"<[^<>\s]{1,64}>|\[[A-Z_/]{2,32}\]")
_VISIBLE = re.compile(r"<[|\uff5c][^<>\s]{1,64}[|\uff5c]>")


def control_tokens(tokenizer: Any) -> frozenset[int]:
    """Return the ids of a tokenizer's control tokens."""
    added = tokenizer.added_tokens_decoder
    special = {token for token, text in added.items() if text.special} | {
        *tokenizer.all_special_ids
    }
    names = {token: tokenizer.convert_ids_to_tokens(token) or "" for token in special}
    channels = any("channel" in name for name in names.values())
    return frozenset(token for token, name in names.items() if not _within(name, channels))


def first_control(text: str, tokens: Iterable[str]) -> tuple[int, int | None] | None:
    """Find the first control token among sampled tokens, where only their texts are known.

    Returns:
        The token's index and where it stands in `text`, which may lack the texts of special tokens;
        None for a place that cannot be told. None if there is no control token.
    """
    at: int | None = 0
    named = list(tokens)
    channels = any("channel" in name and _HIDDEN.fullmatch(name) for name in named)
    for index, token in enumerate(named):
        visible = at is not None and text.startswith(token, at)
        mark = (_VISIBLE if visible else _HIDDEN).fullmatch(token)
        if mark and not _within(token, channels):
            return index, at
        if at is not None and not mark:
            bare = token if visible or at else token.lstrip()
            at = at + len(bare) if text.startswith(bare, at) else None
        elif at is not None and visible:
            at += len(token)
    return None


def _within(name: str, channels: bool) -> bool:
    """Whether a special token belongs to the parts of one response."""
    return bool(_WITHIN.search(name) or (channels and _PARTS.fullmatch(name)))
