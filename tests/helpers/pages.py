"""Reads a page back as its scripts do: the documents that it holds."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


class Documents(HTMLParser):
    """Finds the documents in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, Any] = {}
        self._now: dict[str, str | None] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._now = dict(attrs) if tag == "script" else {}

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._now = {}

    def handle_data(self, data: str) -> None:
        name = self._now.get("data-document")
        if name:
            packed = self._now.get("data-encoding") == "gzip+base64"
            self.found[name] = json.loads(gzip.decompress(b64decode(data)) if packed else data)


def documents(page: Path) -> dict[str, Any]:
    """The documents that a page holds."""
    return Documents(page.read_text("utf-8")).found
