"""Answers to multiple choice: `B`, `(B)`, `B. 12`, `C Cecile`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LETTER = re.compile(
    r"(?:(?:the )?(?:option|choice|answer) )?(?:\( ?([a-z]) ?\)|([a-z])[).:]?)", re.IGNORECASE
)
_LETTER_AND_MEANING = re.compile(r"(?:\(([A-J])\)|([A-J])[).:]) (\w.*)|([B-HJ]) ([A-Z][a-z].*)")
_OTHERS = re.compile(r"\b(?:or|and)\b|\([A-Za-z]\)|(?:^|[\s,])[A-Z](?:$|[\s,])")


@dataclass(frozen=True, slots=True)
class Choice:
    """A letter in lower case and, in `B. 12`, what it stands for. `bare` is a mere `B`."""

    letter: str
    meaning: str
    bare: bool


def same_choice(gold: str, answer: str, marked: bool) -> bool | None:
    """Whether two plain texts choose the same; None where they are no choices.

    Letters that differ are different choices; where only one has a letter, or both a meaning, the
    meanings are compared as text. Mere letters may be variables, unless one is `marked` as text.
    """
    left, right = read_choice(gold), read_choice(answer)
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
    """The choice that a plain text is; None where it is none, or more than one."""
    if mere := _LETTER.fullmatch(text):
        letter = mere[1] or mere[2]
        return Choice(letter.lower(), "", bare=text == letter)
    match = _LETTER_AND_MEANING.fullmatch(text)
    if match is None or _OTHERS.search(meaning := match[3] or match[5]):
        return None
    return Choice((match[1] or match[2] or match[4]).lower(), meaning, bare=False)
