"""Extraction of the answer from a response or a reference."""

from __future__ import annotations

import re
from dataclasses import dataclass

from astro_sympy.params import SympyParams
from astro_sympy.reading.boxes import MAX_ANSWER_CHARACTERS, Box, distinct, last_boxes
from astro_sympy.reading.hedges import denied
from astro_sympy.reading.statements import bare_answer, concluded_answer, stated_answer

_TURN_ENDS = ("|>", "|>user", "|>assistant", "</s>")
_MAX_TURN_ENDS = 8
_TURN_END = re.compile(r"<\|[a-z_]{1,20}\|>(?:user|assistant)?|</s>")


@dataclass(frozen=True, slots=True)
class Extraction:
    """The answer as it was written, or None and the reason.

    Several boxes are read as a list. `parts` holds the content of each box, since they may also be
    one answer in several forms.
    """

    answer: str | None
    reason: str = ""
    parts: tuple[str, ...] = ()


def extract(response: str, params: SympyParams) -> Extraction:
    r"""Extract the answer of a response, in time linear in its length.

    The answer is the content of the last boxes. If there are none, it is the final statement or, if
    short, the response itself, as far as `params` allow. Text before the last `</think>` is
    ignored, as is text after a `<think>` that follows it.
    """
    text = _without_end_of_turn(_conclusion(response))
    if "\\boxed" in text or "\\fbox" in text:
        return _boxed(text, last_boxes(text))
    answer = _unboxed(text, params)
    return Extraction(None, "no answer found") if answer is None else Extraction(_sound(answer))


def reference(gold: str) -> str:
    """Extract the answer of a reference, which may be an answer, a sentence or a whole solution."""
    if "\\boxed" in gold or "\\fbox" in gold:
        closed = gold + "}"  # some data sets lack the last brace; a superfluous one does no harm
        found = _boxed(closed, last_boxes(closed)).answer
    else:
        found = stated_answer(gold, trusted=True) or bare_answer(gold)
    return found or _sound(gold.strip())


def _conclusion(response: str) -> str:
    """Return what follows the model's thoughts."""
    text = response[response.rfind("</think>") + 8 :] if "</think>" in response else response
    return text.partition("<think>")[0]


def _without_end_of_turn(text: str) -> str:
    """Remove special tokens that a sampler may leave at the end."""
    text = text.rstrip()
    for _ in range(_MAX_TURN_ENDS):
        if not text.endswith(_TURN_ENDS):
            break
        start = max(text.rfind("<|"), text.rfind("</s>"), 0)
        if not _TURN_END.fullmatch(text, start):
            break
        text = text[:start].rstrip()
    return text


def _unboxed(text: str, params: SympyParams) -> str | None:
    answer = stated_answer(text) if params.final_line else None
    if answer is None and params.bare:
        answer = bare_answer(text)
    if answer is None and params.final_line:
        answer = concluded_answer(text)
    return answer


def _boxed(text: str, boxes: list[Box]) -> Extraction:
    if not boxes:
        return Extraction(None, "the box is empty")
    if denied(text, boxes[0].start, boxes[-1].end):
        return Extraction(None, "the response says that its boxed answer is wrong")
    if boxes[-1].content is None:
        return Extraction(None, f"the box is not closed within {MAX_ANSWER_CHARACTERS} characters")
    parts = [_sound(content) for content in distinct(boxes)]
    if text.startswith("\\\\", boxes[-1].start - 1):  # the response was escaped twice
        parts = [part.replace("\\\\", "\\") for part in parts]
    return Extraction(", ".join(parts), parts=tuple(parts))


def _sound(answer: str) -> str:
    """Replace lone surrogates, which cannot be written to a file as UTF-8."""
    return answer.encode("utf-8", "replace").decode()
