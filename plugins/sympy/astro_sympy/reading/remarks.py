"""Words after an answer: remarks that add nothing to it, and words that qualify or retract it."""

from __future__ import annotations

import re

from astro_sympy.reading.hedges import hedges

_MAX_CHARACTERS = 400
_PHRASE = re.compile(
    r"(?:[,;:]|\s*--?-?|\s*[\u2013\u2014])?\s+(\\text\{\s*)?\(?(?:and )?(?:"
    r"in (?:total|all|sum|the end|conclusion|this case|(?:its )?(?:simplest|lowest) (?:form|terms))"
    r"|total|altogether|overall|all (?:told|in all)|of course|for sure|indeed|exactly|precisely"
    r"|obviously|clearly|certainly|definitely|surely|naturally|to be (?:exact|precise)|after all"
    r"|as (?:required|desired|claimed|expected|requested|needed|wanted|stated|shown|asked)|finally"
    r"|then|now|done|q\.?e\.?d|(?:without|beyond) (?:a |any )?doubt|no doubt"
    r"|I(?: am|'m) (?:sure|certain))\)?[.!]*(?(1)\})$",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s*[,;:]\s+|\s+(?:--?-?|[\u2013\u2014])\s+")
_WORD = r"(?:[A-Za-z]{2,}(?:['\u2019][a-z]{1,2})?|I|a(?= \w))"
_WORDS = re.compile(rf"(?:{_WORD}[ ,.;!]+){{1,29}}{_WORD}[ .!]*")
_CLAUSE = re.compile(
    r"\b(?:we|it|this|that|which|they|he|she|you|I|there|is|are|was|were|has|have|had"
    r"|hence|thus|therefore|follows|completes|proves|shows|concludes)\b",
    re.IGNORECASE,
)
_VALUE = re.compile(r"\d|\$.+\$|\\[A-Za-z(]")
_QUALIFIES = re.compile(
    r"\b(?:no|none|without|false|to|or|either|if|less|more|than|between|almost|nearly|roughly|about"
    r"|around|approximately|off by|think|believe|suppose|assume|suspect|hope|seems?|looks?"
    r"|plus|minus|times|half|twice|thrice|double[ds]?|triple[ds]?|squared?|cubed?|root|negative|base"
    r"|per|percent|each|every|pi|infinity|zero|two|three|four|five|six|seven|eight|nine|ten|eleven"
    r"|twelve|\w+teen|\w+ty|dozens?|hundreds?|thousands?|millions?|billions?)\b",
    re.IGNORECASE,
)
_RETRACTS = re.compile(
    r"\b(?:wait|actually|correction|scratch that|sorry|oops|mistaken?|on second thought|reconsider"
    r"|wrong|incorrect|unsure|(?:not|n['\u2019]t) (?:sure|certain|right|correct))\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|presumably|likely|might|may|could|guess|unless|either|if)\b",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"(?:\*\*)?(?:(?:the )?(?:option|choice) )?(\(([A-J])\)|([A-J]))(?:\*\*)?"
    r"(?:\.?$|(?=[.!](?:\s|$))|(?=\s*[,;](?:\s|$))|(?=\s+(?:--?-?|[\u2013\u2014])\s))"
)
_CLAUSES = re.compile(r"[,;:.!?\n\u2013\u2014]|\s--?-?\s|\bbut\b", re.IGNORECASE)
_LETTER = re.compile(r"\b(?:[B-HJ-Z]|A(?! (?!or\b|and\b|nor\b|is\b|are\b|was\b)[a-z])|others?)\b")
_DIGIT = re.compile(r"\d")
_OR = re.compile(r"\s*or\b", re.IGNORECASE)
_DENIES = re.compile(
    r"\b(?:not|cannot|never|neither|nor|wrong|incorrect|impossible|excluded|eliminated|ruled out"
    r"|(?:rather|other) than|instead of)\b|n['\u2019]t\b",
    re.IGNORECASE,
)


def without_remark(answer: str) -> str:
    """Return an answer without closing words such as `in total` or `, and we are done`.

    Words that may change the value, such as `, or so` and `, minus two`, are kept.
    """
    if len(answer) > _MAX_CHARACTERS or " " not in answer:
        return answer
    for separator in _SEPARATOR.finditer(answer):
        value, words = answer[: separator.start()], answer[separator.end() :]
        if _is_remark(words) and _VALUE.search(value):
            answer = value
            break
    phrase = _PHRASE.search(answer)
    return answer[: phrase.start()] if phrase and phrase.start() else answer


def _is_remark(words: str) -> bool:
    return (
        _WORDS.fullmatch(words) is not None
        and _CLAUSE.search(words) is not None
        and not (_QUALIFIES.search(words) or retracts(words) or hedges(words))
    )


def retracts(text: str) -> bool:
    """Whether the text after an answer takes it back, as `Wait` and `which is wrong` do."""
    return _RETRACTS.search(text) is not None


def chosen(statement: str) -> str | None:
    """Return the letter of `D, it can't be A or B`; None if no letter is chosen definitely.

    Other letters may follow only in clauses that exclude them, and nothing else is excluded.
    """
    choice = _CHOICE.match(statement)
    if choice is None:
        return None
    letter, rest = choice[2] or choice[3], statement[choice.end() :]
    if _DIGIT.search(rest) or _UNSURE.search(rest) or retracts(_DENIES.sub("", rest)):
        return None
    for clause in _CLAUSES.split(rest):
        others = set(_LETTER.findall(clause))
        if bool(others) != bool(_DENIES.search(clause)) or letter in others or _OR.match(clause):
            return None
    return choice[1]
