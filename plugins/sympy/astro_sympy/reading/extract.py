"""Extraction of the answer from a response or a reference."""

from __future__ import annotations

import re
from dataclasses import dataclass

from astro.text import after_thoughts
from astro_sympy.params import SympyParams
from astro_sympy.reading.boxes import MAX_ANSWER_CHARACTERS, Box, distinct, last_boxes
from astro_sympy.reading.hedges import denied
from astro_sympy.reading.remarks import without_remark
from astro_sympy.reading.statements import (
    bare_answer,
    concluded_answer,
    last_number,
    stated_answer,
)

_OPENING = re.compile(
    r"(?:\s*(?:<\|(?:im_start|start_header_id|end_header_id|begin_of_text|endoftext|assistant)\|>|<s>)"
    r"(?:assistant\b)?)+"
)
_TURN_END = re.compile(
    r"<\|(?:im_end|im_start|eot_id|eom_id|eot|end_?of_?text|end_of_turn|start_header_id|user|system"
    r"|return|end(?!\|><\|start\|>assistant))\|>|</s>|<end_of_turn>|<\uff5cend[^<>]{1,24}\uff5c>"
)
_TEMPLATE_END = re.compile(
    r"I hope it is correct\.?(?=\s*\n\s*(?:Problem|Question|Q|User|Human)\b)", re.IGNORECASE
)


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
    text = after_thoughts(_first_turn(response)).rstrip()
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


def _first_turn(text: str) -> str:
    """Return the model's own turn: what follows its end is not part of the response."""
    if "<" in text:
        opening = _OPENING.match(text)
        start = opening.end() if opening else 0
        end = _TURN_END.search(text, start)
        text = text[start : end.start() if end else None]
    template = _TEMPLATE_END.search(text)
    return text[: template.end()] if template else text


def _unboxed(text: str, params: SympyParams) -> str | None:
    answer = stated_answer(text) if params.final_line else None
    if answer is None and params.bare:
        answer = bare_answer(text)
    if answer is None and params.final_line:
        answer = concluded_answer(text)
    if answer is None and params.last_number:
        answer = last_number(text)
    return answer


def _boxed(text: str, boxes: list[Box]) -> Extraction:
    if not boxes:
        return Extraction(None, "the box is empty")
    if denied(text, boxes[0].start, boxes[-1].end):
        return Extraction(None, "the response says that its boxed answer is wrong")
    if boxes[-1].content is None:
        return Extraction(None, f"the box is not closed within {MAX_ANSWER_CHARACTERS} characters")
    parts = [_sound(without_remark(content)) for content in distinct(boxes)]
    if text.startswith("\\\\", boxes[-1].start - 1):  # the response was escaped twice
        parts = [part.replace("\\\\", "\\") for part in parts]
    return Extraction(", ".join(parts), parts=tuple(parts))


def _sound(answer: str) -> str:
    """Replace lone surrogates, which cannot be written to a file as UTF-8."""
    return answer.encode("utf-8", "replace").decode()
