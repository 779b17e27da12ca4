"""Extraction of the final answer of a response, in time linear in its length."""

from __future__ import annotations

from typing import Literal

from astro.builtin.exact import final_answer

_OPEN, _CLOSE, _BOX = "<answer>", "</answer>", "\\boxed{"


def extract(response: str, where: Literal["tags", "boxed"]) -> str:
    """Return the content of the last pair of tags, or of the last box; empty if there is none.

    Lone surrogates, which cannot be encoded as UTF-8, are written as escapes.
    """
    found = _tagged(response) if where == "tags" else _boxed(response)
    return found.strip().encode("utf-8", "backslashreplace").decode()


def _tagged(response: str) -> str:
    end = response.rfind(_CLOSE)
    start = response.rfind(_OPEN, 0, end) if end >= 0 else -1
    return response[start + len(_OPEN) : end] if start >= 0 else ""


def _boxed(response: str) -> str:
    return final_answer(response) if _BOX in response else ""
