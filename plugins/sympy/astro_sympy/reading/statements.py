"""Answers without a box: stated in a sentence, or the response as a whole."""

from __future__ import annotations

import re

from astro_sympy.reading.hedges import hedges
from astro_sympy.reading.remarks import chosen, retracts, without_remark

_TAIL = 2000
"""Length of the end of a text, in characters, in which its final statement is searched."""

_MAX_CHARACTERS = 400
"""Longest answer without a box, in characters."""

_ANSWER_IS = re.compile(
    r"answers?\b[*_\s]{0,8}(?:(?:is|are|must be)\b|[:=])|answer[*_:]{0,4}\s*\n", re.IGNORECASE
)
_LEAD = re.compile(
    r"(?:=>|[\s*_:=]|\\\\|(?:therefore|thus|then|simply|just|indeed|exactly|given by|option"
    r"|for sure|definitely|certainly|clearly|obviously|surely|of course)\b,?)+",
    re.IGNORECASE,
)
_DISPLAY = re.compile(r"\\\[(.*?)\\\]|\$\$(.*?)\$\$", re.DOTALL)
_INLINE = re.compile(r"\\\(([^\n]*?)\\\)|(?<!\\)\$((?:\\.|[^$\n\\])+)\$(?!\d)")
_SENTENCE_END = re.compile(r"(?<!\bp\.m)(?<!\ba\.m)(?<!\bsq)(?<!\\)[.!?](?=[\s*]|$)|\n|<\|")
_AFTERTHOUGHT = re.compile(r",?\s*\b(?:because|since|as(?! well)|which|where|(?<!or )so)\b")
_DISOWNED = re.compile(
    r"\W*(?:\w+\s+)?(?:it |this |that )?(?:is|was|seems|may be|might be|could be)"
    r" (?:wrong|incorrect|a guess|not (?:right|correct|it|the))\b|.*\bI (?:guess|think|suppose)\b"
)
_CONCLUSION = re.compile(r"(?:therefore|thus|hence|so)\b", re.IGNORECASE)
_IS = re.compile(r"\b(?:is|are|equals)\b")
_LEAD_IN = re.compile(
    r"(?:\b(?:answer|is|are|equals|that|get|have|obtain|therefore|thus|hence|so)|:)\s*$",
    re.IGNORECASE,
)
_LEAD_OUT = re.compile(r"(?:(?:is|as) (?:the|our|my) (?:\w+ )?(?:answer|solution|result))?")
_OF_THE_QUESTION = {"could", "might"}
"""Hedges that are harmless before an `is`: `the most points that could be in the domain is 19`."""

_PROSE = re.compile(
    r"(?<!\\)\b(?:(?-i:I)|we|you|it|he|she|they|is|are|was|were|be|been|so|thus|hence|therefore|because|since"
    r"|then|think|let|have|has|get|gives|got|answer|which|this|know|find|step|our|my|me|does?)\b",
    re.IGNORECASE,
)
"""Words that never occur in an answer."""

_MAX_WORDS = 14
_MAX_LABEL = 3
_ONE_NUMBER = re.compile(
    r"(?!.*\b(?:or|and|is|are|equals)\b)"
    r"[A-Za-z ,'-]* ([$\u20ac\u00a3]?\d[\d,]*(?:\.\d+)?%?)(?: [A-Za-z ,'.-]*)?"
)
_NUMBER = re.compile(
    r"(?:(?<![\w)\]}])-)?(?:\\[dt]?frac\{\d+\}\{\d+\}"
    r"|(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:/\d+)?%?)"
)
_DIGIT = re.compile(r"\d")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{2,}")


def stated_answer(text: str, trusted: bool = False) -> str | None:
    """Return the answer of a final `answer is x`, `#### x` or `A: x`; None if there is none.

    Unless the text is `trusted`, what follows it may neither contain a digit nor retract it.
    """
    tail = text[-_TAIL:]
    end = _last_marker(tail)
    if end is None:
        return None
    lead = _LEAD.match(tail, end)
    statement = tail[lead.end() if lead else end :]
    if letter := chosen(statement):
        return letter
    answer, rest = _first_sentence(statement)
    if not trusted and rest and (_DIGIT.search(rest) or hedges(rest) or retracts(rest)):
        return None
    return _one_number(answer) or _value(answer)


def bare_answer(text: str) -> str | None:
    """Return the answer of a short response that is an answer, or leads up to its only formula."""
    text = text.strip()
    if not text or len(text) > _MAX_CHARACTERS:
        return None
    formulas = [*_DISPLAY.finditer(text)] or [*_INLINE.finditer(text)]
    if len(formulas) == 1 and _leads_up_to(formulas[0], text):
        return _content(formulas[0])
    return None if _is_prose(text) else text


def concluded_answer(text: str) -> str | None:
    """Return the answer of a last sentence such as `Therefore, the sum is x`."""
    sentences = _SENTENCE_END.split(text[-_MAX_CHARACTERS:])
    last = next((part.strip() for part in reversed(sentences) if part.strip()), "")
    return _value(last) if _CONCLUSION.match(last) and _IS.search(last) else None


def last_number(text: str) -> str | None:
    """Return the last number in the end of a text, whatever stands around it."""
    numbers = _NUMBER.findall(text[-_TAIL:])
    return numbers[-1] if numbers else None


def _last_marker(tail: str) -> int | None:
    """Return the end of the last marker.

    It searches for the word `answer` from the end, since a regular expression over the whole tail
    would be the slowest part of a verdict.
    """
    found = None
    for mark in ("####", "A:"):
        start = tail.rfind(mark)
        if start >= 0 and not tail[tail.rfind("\n", 0, start) + 1 : start].strip():
            found = max(found or 0, start + len(mark))
    start = _before(tail, len(tail))
    while start >= (found or 0):
        marker = _ANSWER_IS.match(tail, start)
        if marker:
            return marker.end()
        start = _before(tail, start)
    return found


def _before(tail: str, end: int) -> int:
    """Return the start of the last `answer` before `end`, ignoring case; negative if none."""
    return max(tail.rfind("nswer", 0, end), tail.rfind("NSWER", 0, end)) - 1


def _leads_up_to(formula: re.Match[str], text: str) -> bool:
    before, after = text[: formula.start()], text[formula.end() :].strip(" .\n")
    definite = not _DIGIT.search(before) and not hedges(before)
    return (
        definite and _LEAD_IN.search(before) is not None and _LEAD_OUT.fullmatch(after) is not None
    )


def _first_sentence(statement: str) -> tuple[str, str]:
    """Split into the first sentence, or displayed formula, and the rest."""
    display = _DISPLAY.match(statement)
    if display:
        return _content(display), statement[display.end() :]
    inline = _INLINE.match(statement)
    end = _SENTENCE_END.search(statement, inline.end() if inline else 0)
    if end is None:
        return statement, ""
    return statement[: end.start()], statement[end.end() :]


def _one_number(sentence: str) -> str | None:
    """Return the number in a sentence with exactly one, such as `Tom has 5 apples left`."""
    number = _ONE_NUMBER.fullmatch(sentence) if len(sentence) <= _MAX_CHARACTERS else None
    whole = number and len(_words(sentence)) > _MAX_LABEL and not hedges(sentence)
    return number[1] if number and whole else None


def _value(sentence: str) -> str | None:
    """Return the answer in `sentence`: all of it or, without hedges, what follows the last `is`."""
    parts = [sentence]
    if not hedges(sentence) - _OF_THE_QUESTION:
        parts.append(_IS.split(sentence)[-1])
    for part in parts:
        afterthought = _AFTERTHOUGHT.search(part)
        if afterthought and _DISOWNED.match(part, afterthought.start()):
            return None
        value = without_remark(part[: afterthought.start()] if afterthought else part)
        value = value.strip(" \t*_\"'`")
        if value and len(value) <= _MAX_CHARACTERS and not _is_prose(value):
            return value
    return None


def _content(formula: re.Match[str]) -> str:
    return next(group for group in formula.groups() if group is not None).strip()


def _words(text: str) -> list[str]:
    return _WORD.findall(_COMMAND.sub(" ", text))


def _is_prose(text: str) -> bool:
    return _PROSE.search(text) is not None or len(_words(text)) > _MAX_WORDS
