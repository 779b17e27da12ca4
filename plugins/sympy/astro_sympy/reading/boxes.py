r"""The last `\boxed{}` and `\fbox{}` of a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_ANSWER_CHARACTERS = 4000
"""A longer text is not accepted as an answer."""

_MAX_BOXES = 32
_MAX_GAP = 80
_OPENING = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*(\{)?")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_TOKEN = re.compile(r"[^\s$]+")
_GAP_MARKUP = re.compile(
    r"\\(?:q?quad|text(?:bf|it|rm)?|mbox|mathrm|[()\[\],;:! ])|[$\s,.;:&*+{}()]|\\n?"
)
_LABELS = re.compile(r"(?:and|or|for|part|[a-fi]|ii|iii|iv|\s)*")
_NAME_OF_NEXT = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?:_\w|_\{\w+\})?\s*=[\s${]*$")
_CONJUNCTION = re.compile(r"\b(?:and|or)\b")
_NEW_STATEMENT = re.compile(
    r"\b(?:so|is|are|thus|hence|therefore|answer|wait|then|actually|not?|but|equals|gives|get|because"
    r"|since|becomes|we|i|if|when|where|which|rather|instead|approximately|about)\b|[^a-z\s]"
)


@dataclass(frozen=True, slots=True)
class Box:
    """A box at `text[start:end]`; `content` is None if the box is not closed."""

    start: int
    end: int
    content: str | None


def last_boxes(text: str) -> list[Box]:
    r"""Return the last box of the text, with those before it that belong to the same answer.

    Boxes belong together if only `and`, commas and the like stand between them. Nested boxes count
    as one, empty boxes are skipped. Only the last `_MAX_BOXES` are read, so that the cost does not
    grow with the number of boxes.
    """
    found: list[Box] = []
    position = len(text)
    for _ in range(_MAX_BOXES):
        position = max(text.rfind("\\boxed", 0, position), text.rfind("\\fbox", 0, position))
        if position < 0:
            break
        box = _read(text, position)
        if box.content is None and found:
            break
        if box.content == "":
            continue
        if found and box.end < found[0].end and not _joined(text[box.end : found[0].start]):
            break
        found = [box, *(later for later in found if later.start >= box.end)]
        if box.content is None:
            break
    return found


def distinct(boxes: Sequence[Box]) -> list[str]:
    """Return the contents of the boxes without repetitions."""
    return list(dict.fromkeys(box.content for box in boxes if box.content))


def _read(text: str, start: int) -> Box:
    opening = _OPENING.match(text, start)
    if opening is None:
        return Box(start, start + 1, "")
    if opening[1] is None:
        token = _TOKEN.match(text, opening.end())
        end = token.end() if token else opening.end()
        return Box(start, end, token[0] if token else "")
    limit = min(len(text), opening.end() + MAX_ANSWER_CHARACTERS)
    depth = 1
    for brace in _BRACE.finditer(text, opening.end(), limit):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return Box(start, brace.end(), text[opening.end() : brace.start()].strip())
    return Box(start, limit, None)


def _joined(gap: str) -> bool:
    """Whether the text between two boxes joins them to one answer."""
    if len(gap) > _MAX_GAP:
        return False
    words = _GAP_MARKUP.sub(" ", _NAME_OF_NEXT.sub("", gap)).lower()
    if _LABELS.fullmatch(words):
        return True
    return bool(_CONJUNCTION.search(words)) and not _NEW_STATEMENT.search(words)
