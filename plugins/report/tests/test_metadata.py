"""Metadata reaches the page as it is stored, also where JavaScript has no such number."""

from __future__ import annotations

import json
from functools import reduce
from math import inf, nan
from typing import Any

import msgspec
import pytest

from astro_report.documents import readable

LARGE = 2**53 + 1


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (LARGE, "9007199254740993"),
        (-LARGE, "-9007199254740993"),
        ([1, LARGE], "[1,9007199254740993]"),
        ({"a": [{"b": -LARGE}], "c": "\u00e9"}, '{"a":[{"b":-9007199254740993}],"c":"\u00e9"}'),
        (10**400, "1" + "0" * 400),
        (nan, "NaN"),
        ([-inf, 0.5], "[-Infinity,0.5]"),
    ],
)
def test_what_javascript_lacks_is_text(stored: Any, shown: str) -> None:
    assert readable({"key": stored}) == {"key": shown}


@pytest.mark.parametrize(
    "stored", [None, True, 2**53, -(2**53), 1e300, 0.1, "9007199254740993", [1, {"a": [2.5]}], {}]
)
def test_what_javascript_has_stays(stored: Any) -> None:
    assert readable({"key": stored}) == {"key": stored}


def test_metadata_may_be_nested_deep() -> None:
    for number in (1, LARGE):
        deep = reduce(lambda inner, _: [inner], range(500), number)
        page = msgspec.json.encode(readable({"key": deep}))
        assert str(number) in json.dumps(json.loads(page))
