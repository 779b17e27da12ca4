"""Answers to multiple-choice questions: `B`, `(B)`, `B. 12`, `C Cecile`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LETTER = re.compile(
    r"(?:(?:the )?(?:option|choice|answer) )?(?:\( ?([a-z]) ?\)|([a-z])[).:]?)", re.IGNORECASE
)
_LETTER_AND_MEANING = re.compile(r"(?:\(([A-J])\)|([A-J])[).:]) (\w.*)|([B-HJ]) ([A-Z][a-z].*)")
_CAPITALS = tuple("ABCDEFGH")
_OTHERS = re.compile(r"\b(?:or|and)\b|\([A-Za-z]\)|(?:^|[\s,])[A-Z](?:$|[\s,])")


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice.

    Attributes:
        letter: The letter, in lower case.
        meaning: What the letter stands for, as `12` in `B. 12`; empty if it is not given.
        bare: Whether the text is a single letter without punctuation, which may be a variable.
    """

    letter: str
    meaning: str
    bare: bool


def same_choice(gold: str, answer: str, marked: bool) -> bool | None:
    """Whether two plain texts are the same choice; None if they are not choices.

    Different letters are different choices. If only one has a letter, or both have a meaning, the
    meanings are compared as text. Bare letters may be variables, unless one is `marked` up as text;
    but a reference that is one of the first capital letters is answered by the small letter too.
    """
    left, right = read_choice(gold), read_choice(answer)
    if gold in _CAPITALS and answer == gold.lower():
        return True
    if left and right:
        return _same(left, right, marked)
    if left and left.meaning:
        return True if left.meaning.lower() == answer.lower() else None
    if right and right.meaning:
        return True if right.meaning.lower() == gold.lower() else None
    return None


def _same(left: Choice, right: Choice, marked: bool) -> bool | None:
    if left.letter != right.letter:
        return None if left.bare and right.bare and not marked else False
    if left.meaning and right.meaning:
        return True if left.meaning.lower() == right.meaning.lower() else None
    return None if left.bare and right.bare and not marked else True


def read_choice(text: str) -> Choice | None:
    """Read a plain text as a choice; None if it is none, or more than one."""
    if mere := _LETTER.fullmatch(text):
        letter = mere[1] or mere[2]
        return Choice(letter.lower(), "", bare=text == letter)
    match = _LETTER_AND_MEANING.fullmatch(text)
    if match is None or _OTHERS.search(meaning := match[3] or match[5]):
        return None
    return Choice((match[1] or match[2] or match[4]).lower(), meaning, bare=False)
