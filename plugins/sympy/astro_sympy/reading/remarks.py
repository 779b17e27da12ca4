"""Words after an answer: remarks that add nothing to it, and words that qualify or retract it."""

from __future__ import annotations

import re

from astro_sympy.reading.hedges import hedges

_MAX_CHARACTERS = 400
_BEGIN = r"(?:[,;:]|\s*--?-?|\s*[\u2013\u2014])?\s+(\\text\{\s*)?\(?(?:and )?"
_END = r"\)?[.!]*(?(1)\})$"
_PHRASE = re.compile(
    rf"{_BEGIN}(?:"
    r"in (?:total|all|sum|the end|conclusion|this case|(?:its )?(?:simplest|lowest) (?:form|terms))"
    r"|total|al(?:l )?together|overall|all (?:told|in all)|of course|for sure|indeed|exactly"
    r"|precisely|obviously|clearly|certainly|definitely|surely|naturally|after all"
    r"|to be (?:exact|precise)"
    r"|as (?:required|desired|claimed|expected|requested|needed|wanted|stated|shown|asked)|finally"
    r"|then|now|done|q\.?e\.?d|(?:without|beyond) (?:a |any )?doubt|no doubt|nothing (?:else|more)"
    rf"|I(?: am|'m) (?:sure|certain)|thanks|thank you){_END}",
    re.IGNORECASE,
)
_PLACE = re.compile(
    rf"{_BEGIN}(?:(?:by|after|for|on|at|from|of (?:the|these|those)"
    rf"|in (?:the|this|that|our|his|her|their))(?: [A-Za-z][a-z]+){{1,6}}|of them){_END}"
)
_ENDS_IN_WORD = re.compile(r"(?:[A-Za-z]{2}|\.d)[ .!)}]{0,9}\Z")
_SEPARATOR = re.compile(
    r"\s*[,;:]\s+|\s+(?:(?:--?-?|[\u2013\u2014])\s+|\(|(?=and (?:we|this|that|it|I)\b))"
)
_WORD = r"(?:[A-Za-z]{2,}(?:['\u2019][a-z]{1,2})?|I|a(?= \w))"
_WORDS = re.compile(rf"(?:{_WORD}[ ,.;!]+){{1,29}}{_WORD}[ .!)]*")
_CLAUSE = re.compile(
    r"\b(?:we|it|this|that|which|they|he|she|you|I|there|is|are|was|were|has|have|had"
    r"|hence|thus|therefore|follows|completes|proves|shows|concludes)\b",
    re.IGNORECASE,
)
_VALUE = re.compile(r"\d|\$.+\$|\\[A-Za-z(]|^[A-Z][a-z]+$")
_QUALIFIES = re.compile(
    r"\b(?:no|none|without|false|to|or|either|if|but|however|though|although|less|more|most|least|than"
    r"|between|almost|nearly|roughly|about|around|approximately|off|only|still|yet|so far|too"
    r"|think|believe|suppose|assume|suspect|hope|says?|seems?|looks?|joke|needs?|has to|have to"
    r"|bounds?|limits?|opposite|inverse|reciprocal|remain\w*|rest|other|first|second|third|step"
    r"|plus|minus|times|half|halv\w+|twice|thrice|doubl\w+|tripl\w+|squar\w+|cub\w+|roots?|negative"
    r"|add\w*|subtract\w*|multipl\w+|divid\w+|remov\w+|reduc\w+|revers\w+|base|per|percent|each|every"
    r"|pi|infinity|zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty"
    r"|dozens?|hundreds?|thousands?|millions?|billions?)\b",
    re.IGNORECASE,
)
_RETRACTS = re.compile(
    r"\b(?:wait|actually|correction|scratch that|sorry|oops|mistaken?|on second thought|reconsider"
    r"|wrong|incorrect|unsure|(?:not|n['\u2019]t) (?:sure|certain|right|correct))\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|presumably|likely|(?:might|may|could)(?! not)"
    r"|guess|unless|either|if)\b",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"(?:\*\*|\\text(?:bf)?\{|\$)?(?:(?:the )?(?:option|choice) )?"
    r"(\(([A-J])\)|([A-J]))(?:\*\*|\}|\$)?(?:\.?$"
    r"|(?=[.!](?:\s|$)|\s*[,;](?:\s|$)|:? \(?(?:it|this|not)\b|\s(?:--?-?|[\u2013\u2014])\s))"
)
_LISTED = re.compile(
    r"\b([A-J]),(?= (?:[A-J]\b,?(?= (?:or|nor|and) )|(?:or|nor|and) [A-J]\b|[A-J], ))"
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
    if not _ENDS_IN_WORD.search(answer[-12:]) or not 2 < len(answer) <= _MAX_CHARACTERS:
        return answer
    for separator in _SEPARATOR.finditer(answer):
        value, words = answer[: separator.start()], answer[separator.end() :]
        if _is_remark(words) and _VALUE.search(value):
            answer = value
            break
    phrase = _PHRASE.search(answer)
    if phrase is None and (phrase := _PLACE.search(answer)) and _QUALIFIES.search(phrase[0]):
        return answer
    value = answer[: phrase.start()] if phrase else answer
    is_value = _VALUE.search(value) or (phrase and phrase[0].startswith(","))
    return value if is_value else answer  # `the total` is an answer, not a remark on `the`


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
    for clause in _CLAUSES.split(_LISTED.sub(r"\1 or", rest)):
        others = set(_LETTER.findall(clause))
        if bool(others) != bool(_DENIES.search(clause)) or letter in others or _OR.match(clause):
            return None
    return choice[1]
