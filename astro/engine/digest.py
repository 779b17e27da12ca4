"""Checksums of requests, by which the journal notices that a program asks something else.

A field at its default value is left out. A release that adds a field with a default to a request
(or to a prompt, a problem or a step in it) therefore changes no checksum. The default of a field
that exists must not change for the same reason, unless the format of the journal does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any
from zlib import crc32

import msgspec

from astro.requests import Request
from astro.types import Prompt

_encode = msgspec.msgpack.Encoder().encode
_LEAVES = frozenset({str, int, float, bool})
_FIRST_EDITION: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Generate": ("prompt", "n", "stop", "max_tokens", "temperature", "top_p", "seed"),
        "LogProb": ("prompt", "continuations"),
        "Verify": ("problem", "response"),
        "Prompt": ("user", "response", "token_ids"),
        "Problem": ("id", "prompt", "answer", "metadata"),
    }
)
"""The fields of format 1, which stand in a digest whatever their value."""


def digest(requests: Sequence[Request]) -> int:
    """CRC-32 of a batch of requests in MessagePack, fields at their default left out."""
    plain = [_plain(request) for request in requests]
    try:
        return crc32(_encode(plain))
    except (TypeError, ValueError, OverflowError):
        # A lone surrogate, an integer of more than 64 bits, or a type that MessagePack lacks.
        return crc32(repr(plain).encode("utf-8", "surrogatepass"))


def digest_1(requests: Sequence[Request]) -> int:
    """CRC-32 of the `repr` that a batch of requests had in format 1.

    A field that was added since takes part if it is not at its default. A prompt of whose response
    not all tokens are known had none of them.
    """
    text = ", ".join(map(_repr_1, requests))
    return crc32(f"[{text}]".encode("utf-8", "surrogatepass"))


def _plain(value: Any) -> object:
    """A value in which dataclasses are lists: their name, then name and value of each field."""
    kind: Any = type(value)
    defaults = _defaults(kind)
    if defaults is None:
        nested = isinstance(value, tuple) and value and is_dataclass(value[0])
        return [_plain(part) for part in value] if nested else value
    plain: list[object] = [kind.__qualname__]
    for name, default in defaults:
        part = getattr(value, name)
        if part != default:
            plain += name, part if type(part) in _LEAVES else _plain(part)
    return plain


def _repr_1(value: Any) -> str:
    if isinstance(value, Prompt) and value.tail:
        value = replace(value, token_ids=(), tail="")
    kind: Any = type(value)
    defaults = _defaults(kind)
    if defaults is None:
        return repr(value)
    first = _FIRST_EDITION.get(kind.__qualname__, ())
    written = [
        f"{name}={_repr_1(part)}"
        for name, default in defaults
        if (part := getattr(value, name)) != default or name in first
    ]
    return f"{kind.__qualname__}({', '.join(written)})"


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...] | None:
    """(name, default) of each field of a dataclass, None for any other type."""
    if not is_dataclass(kind):
        return None
    return tuple(
        (f.name, f.default if f.default_factory is MISSING else f.default_factory())
        for f in fields(kind)
    )
